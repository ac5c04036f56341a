"""A common interface to the tensors of a checkpoint in any format."""

import pathlib
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from kerasft.checkpoints import fairseq_reader, h5_reader, safetensors_reader, tf1_reader, torch_reader
from kerasft.errors import CheckpointError


class Tensors(Protocol):
    """Interface of the readers: iterate over names, test membership, get shapes, read one tensor at a time.

    Names and axes are those of Hugging Face's PyTorch files in every format.
    """

    folder: pathlib.Path

    def __iter__(self) -> Iterator[str]: ...

    def __contains__(self, name: str) -> bool: ...

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""
        ...

    def read(self, name: str) -> np.ndarray:
        """Read one tensor as float32."""
        ...


_READERS = (
    safetensors_reader.SafetensorsReader,
    torch_reader.TorchReader,
    h5_reader.H5Reader,
    tf1_reader.Tf1Reader,
    fairseq_reader.FairseqReader,
)

# Wrapper names in tensor names, added by DataParallel and DistributedDataParallel, torch.compile and FSDP.
_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}


class Unwrapped:
    """The tensors of a checkpoint, without the names of wrapper modules.

    Args:
        tensors: The checkpoint.
        prefix: See `Family`.
        anchor: See `Family`; used to find an outer prefix.

    Raises:
        CheckpointError: If two tensors would have the same name.
    """

    def __init__(self, tensors: Tensors, *, prefix: str, anchor: str):
        self.folder = tensors.folder
        self._tensors = tensors
        plain = {name: ".".join(part for part in name.split(".") if part not in _WRAPPERS) for name in tensors}
        prefixes = {name.removesuffix(anchor) for name in plain.values() if f".{name}".endswith(f".{anchor}")}
        # With two such weights, for example of two encoders, it is ambiguous which one to use.
        self.outer = prefixes.pop().removesuffix(prefix) if len(prefixes) == 1 else ""
        self._names: dict[str, str] = {}
        for stored, name in plain.items():
            name = name.removeprefix(self.outer)
            if self._names.setdefault(name, stored) != stored:
                raise CheckpointError(
                    f"{self.folder}: {self._names[name]!r} and {stored!r} are both {name!r}. Save the model itself, without "
                    "its wrapper modules."
                )
        self.renamed = [stored for name, stored in self._names.items() if name != stored]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""
        return self._tensors.shape(self._names[name])

    def read(self, name: str) -> np.ndarray:
        """Read one tensor as float32."""
        return self._tensors.read(self._names[name])


def open_tensors(folder: pathlib.Path) -> Tensors:
    """Open the weights of a checkpoint folder.

    Formats in order of preference: safetensors, `pytorch_model.bin`, `tf_model.h5` (each as a single file or shards), a
    TensorFlow 1 checkpoint `bert_model.ckpt`, Fairseq's `model.pt`. Without PyTorch, `pytorch_model.bin` comes last.

    Args:
        folder: The checkpoint.

    Returns:
        Its tensors; only names and shapes are read.

    Raises:
        CheckpointError: If there are no weights, or the files are corrupted, incomplete or would run code.
    """
    readers = [reader for reader in _READERS if reader.fits(folder)]
    if not torch_reader.is_available():  # then any other format is preferred
        readers.sort(key=lambda reader: reader is torch_reader.TorchReader)
    if readers:
        return readers[0](folder)
    others = sorted(
        path.name for path in folder.glob("*") if path.suffix in (".bin", ".h5", ".msgpack", ".ckpt", ".onnx")
    )
    found = f"; found only {', '.join(others)}" if others else ""
    raise CheckpointError(
        f"{folder}: no weights found; expected model.safetensors, pytorch_model.bin, tf_model.h5 (each also in "
        f"shards with an index), bert_model.ckpt.index or Fairseq's model.pt{found}. Copy the weights into this folder."
    )
