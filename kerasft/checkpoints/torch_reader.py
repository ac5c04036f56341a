"""Read `pytorch_model.bin`, or its shards, with PyTorch's weights-only loader, which rejects pickles that would run code.

The format: https://docs.pytorch.org/docs/stable/notes/serialization.html (a ZIP file of a pickle and raw storages).
"""

import importlib.util
import pathlib
import re
import warnings
from typing import Any

import numpy as np
from packaging.version import Version

from kerasft import security
from kerasft.checkpoints.shards import Entry, ShardedReader
from kerasft.errors import CheckpointError

SINGLE_FILE = "pytorch_model.bin"
INDEX_FILE = "pytorch_model.bin.index.json"
REOPEN_AFTER_BYTES = 64_000_000
OLDEST = "2.10"
"""The first PyTorch whose weight loading has no known vulnerability (CVE-2025-32434 to 2.5.1, memory corruption to 2.9.1)."""


class TorchReader(ShardedReader):
    """The tensors of a folder with `pytorch_model.bin`, or `pytorch_model.bin.index.json` and its shards.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: If PyTorch is not installed, or files are missing, corrupted, contain anything but tensors, or are
            outside the folder.
    """

    single = SINGLE_FILE
    index = INDEX_FILE

    def __init__(self, folder: pathlib.Path):
        self._opened: tuple[pathlib.Path, dict] | None = None
        self._bytes_read = 0
        super().__init__(folder)

    @staticmethod
    def entries(path: pathlib.Path) -> dict[str, Entry]:
        """List the tensors of one file."""
        return {name: Entry(path, name, tuple(tensor.shape)) for name, tensor in load_tensors(path).items()}

    def read(self, name: str) -> np.ndarray:
        """Read one tensor as float32.

        Raises:
            CheckpointError: If its dtype is not a float type.
        """
        path = self._entries[name].path
        # The pages of a memory-mapped file that were read count as memory of the process until the mapping is closed.
        if self._opened is None or self._opened[0] != path or self._bytes_read > REOPEN_AFTER_BYTES:
            self._opened, self._bytes_read = None, 0
            self._opened = (path, load_tensors(path))
        tensor = self._opened[1][name]
        self._bytes_read += tensor.nbytes
        return as_float32(tensor, name, path)


def is_available() -> bool:
    """Return whether PyTorch is installed."""
    return importlib.util.find_spec("torch") is not None


def load_tensors(path: pathlib.Path) -> dict[str, Any]:
    """Memory-map a file of tensors.

    Raises:
        CheckpointError: As for `load_pickle`; or if it contains anything but named tensors.
    """
    torch = _torch(path)
    content = load_pickle(path)
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        raise CheckpointError(
            f"{path}: must contain named tensors only; received: {type(content).__name__}. "
            "Save it again: torch.save(model.state_dict(), path)."
        )
    for name, tensor in content.items():
        check_tensor(tensor, name, path)
    return content


def check_tensor(tensor: Any, name: str, path: pathlib.Path) -> None:
    """Check that a tensor's data is in the file: a stride of 0 can expand one value to millions, and a meta tensor has no data.

    Raises:
        CheckpointError: If it is not.
    """
    size = path.stat().st_size
    dense = str(tensor.layout) == "torch.strided" and not tensor.is_meta
    if not dense or tensor.nbytes > size:
        raise CheckpointError(
            f"{path}: tensor {name!r} must be dense and within this file of {size} bytes; received: {tensor.layout} of shape "
            f"{tuple(tensor.shape)}. Do not trust this file; copy it again."
        )


def load_pickle(path: pathlib.Path, safe_classes: tuple[type, ...] = ()) -> Any:
    """Unpickle with PyTorch's weights-only loader, which allows only tensors, plain containers and numbers.

    Args:
        path: The file.
        safe_classes: Additional classes to allow.

    Raises:
        CheckpointError: If PyTorch is not installed, or the file is corrupted or contains anything else; no code is run.
    """
    torch = _torch(path)
    with path.open("rb") as file:
        is_zip = file.read(4) == b"PK\x03\x04"  # files of PyTorch before 1.6 are not, and cannot be memory-mapped
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(list(safe_classes)):
            warnings.simplefilter("ignore")  # about old formats
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:  # corrupted files raise errors of many types
        # PyTorch's own message recommends weights_only=False, which runs code.
        blocked = re.search(r"GLOBAL (\S+)", str(error))
        if blocked or "TorchScript" in str(error):
            raise CheckpointError(
                f"{path}: contains more than tensors ({blocked[1] if blocked else 'a TorchScript program'}), so loading it could "
                "run code; nothing was run. Do not trust this file; use one in the safetensors format."
            ) from error
        raise CheckpointError(
            f"{path}: not a readable PyTorch file of {path.stat().st_size} bytes ({type(error).__name__}). "
            "It may be truncated, or a Git LFS pointer; copy it again."
        ) from error


def as_float32(tensor: Any, name: str, path: pathlib.Path) -> np.ndarray:
    """Copy a PyTorch tensor into a float32 array.

    Raises:
        CheckpointError: If its dtype is not a float type.
    """
    if not tensor.is_floating_point():
        raise CheckpointError(
            f"{path}: tensor {name!r} is stored as {tensor.dtype}; expected a float type. "
            "Quantized checkpoints cannot be fine-tuned; use the original one."
        )
    return tensor.detach().float().numpy().copy()


def _torch(path: pathlib.Path) -> Any:
    if not is_available():
        raise CheckpointError(
            f"{path}: reading PyTorch's format requires PyTorch, which is not installed. Install it (pip install torch), or "
            "use a revision of the checkpoint with model.safetensors."
        )
    import torch  # optional dependency, for this format only; larger than all others together

    if Version(torch.__version__) < Version(OLDEST) and not security.is_trusted():
        raise CheckpointError(
            f"{path}: PyTorch must be {OLDEST} or later to read it; received: {torch.__version__}, where malicious weight "
            f"files can run code or corrupt memory. Install a newer one (pip install 'torch>={OLDEST}'), or use a revision of "
            "the checkpoint with model.safetensors."
        )
    return torch
