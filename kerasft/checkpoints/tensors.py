"""The tensors of a checkpoint folder, whichever library wrote it: one small interface, one function that opens it."""

import pathlib
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from kerasft.checkpoints import fairseq_reader, h5_reader, safetensors_reader, tf1_reader, torch_reader
from kerasft.errors import CheckpointError


class Tensors(Protocol):
    """What a reader gives: iteration over names, `in`, shapes, and one tensor at a time.

    Names and axes are those of Hugging Face's PyTorch files, whatever the format.
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


def open_tensors(folder: pathlib.Path) -> Tensors:
    """Open the weights of a checkpoint folder in the first format that it has.

    In this order: safetensors, `pytorch_model.bin`, `tf_model.h5` (each one file or shards), a TensorFlow 1 checkpoint
    `bert_model.ckpt`, Fairseq's `model.pt`. Where PyTorch is not installed, `pytorch_model.bin` comes last.

    Args:
        folder: The checkpoint.

    Returns:
        Its tensors; nothing is read but names and shapes.

    Raises:
        CheckpointError: If there are no weights, or the files are damaged, incomplete or would run code.
    """
    fitting = [reader for reader in _READERS if reader.fits(folder)]
    if not torch_reader.is_available():  # then another format is better, if there is one
        fitting.sort(key=lambda reader: reader is torch_reader.TorchReader)
    if fitting:
        return fitting[0](folder)
    others = sorted(
        path.name for path in folder.glob("*") if path.suffix in (".bin", ".h5", ".msgpack", ".ckpt", ".onnx")
    )
    found = f"; found only {', '.join(others)}" if others else ""
    raise CheckpointError(
        f"{folder}: no weights found; expected model.safetensors, pytorch_model.bin, tf_model.h5 (each also in "
        f"shards with an index), bert_model.ckpt.index or Fairseq's model.pt{found}. Copy the checkpoint's weights here."
    )
