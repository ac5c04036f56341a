"""Read a TensorFlow 1 checkpoint of Google's BERT (https://github.com/google-research/bert): `bert_model.ckpt.*`."""

import math
import pathlib
import re
from collections.abc import Collection, Iterator

import numpy as np
import tensorflow as tf

from kerasft import security
from kerasft.errors import CheckpointError

CONFIG_FILE = "bert_config.json"
_LAST = {"kernel": "weight", "gamma": "weight", "beta": "bias", "output_weights": "weight", "output_bias": "bias"}
_TABLES = ("word_embeddings", "position_embeddings", "token_type_embeddings")
_NORM = re.compile(r"layer_normalization(_\d+)?")  # Keras' layer norms, numbered throughout the graph
_OF_TF2 = "_CHECKPOINTABLE_OBJECT_GRAPH"


class Tf1Reader:
    """The weights of a folder with one TensorFlow 1 checkpoint, without the training state.

    Optimizer slots and moving averages (variables below another variable) and scalars such as `global_step` are ignored.

    Args:
        folder: Contains `NAME.index` and `NAME.data-00000-of-00001`; of several checkpoints `bert_model.ckpt` is used.

    Raises:
        CheckpointError: If there is more than one checkpoint and none of that name, or the files are corrupted.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._path = _checkpoint(folder)
        security.check_tf1_index(f"{self._path}.index")
        try:
            self._file = tf.train.load_checkpoint(str(self._path))
            shapes = self._file.get_variable_to_shape_map()
            self._dtypes = self._file.get_variable_to_dtype_map()
            self._shapes = {name: tuple(shape) for name, shape in shapes.items()}
            self._check()
        except CheckpointError:
            raise
        except Exception as error:  # TensorFlow's errors and decoding errors share no other base class
            raise self._corrupted(error) from error
        self._names: dict[str, str] = {}
        tensors = {stored for stored, shape in self._shapes.items() if shape}
        for stored in sorted(tensors):
            if not _is_below_another(stored, tensors):
                name = _torch_name(stored)
                if (other := self._names.setdefault(name, stored)) != stored:
                    raise CheckpointError(
                        f"{self._path}: {other!r} and {stored!r} are the same weight, {name!r}. Choose another checkpoint."
                    )

    @staticmethod
    def fits(folder: pathlib.Path) -> bool:
        """Return whether the folder has this format."""
        return any(folder.glob("*.ckpt*.index"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""
        stored = self._names[name]
        return self._shapes[stored][:: -1 if _is_kernel(stored) else 1]

    def read(self, name: str) -> np.ndarray:
        """Read one tensor as float32.

        Raises:
            CheckpointError: If its dtype is not a float type, or it is not readable.
        """
        stored = self._names[name]
        if not self._dtypes[stored].is_floating:
            raise CheckpointError(
                f"{self._path}: {stored!r} must be of a float type; received: {self._dtypes[stored].name}."
            )
        try:
            value = np.asarray(self._file.get_tensor(stored)).astype(np.float32, copy=False)
        except Exception as error:
            raise self._corrupted(error) from error
        return value.T if _is_kernel(stored) else value

    def _check(self) -> None:
        if _OF_TF2 in self._shapes:
            raise CheckpointError(
                f"{self._path}: was written by TensorFlow 2, whose variable names differ from Google's BERT. Load it with "
                "the code that wrote it, and save it in a format of docs/checkpoints.md."
            )
        start = f"{self._path.name}.data-"
        stored = sum(path.stat().st_size for path in self.folder.iterdir() if path.name.startswith(start))
        sizes = {name: dtype.size for name, dtype in self._dtypes.items() if dtype.is_floating or dtype.is_integer}
        required = sum(math.prod(self._shapes[name]) * size for name, size in sizes.items())
        if required > stored:  # checked before memory is allocated
            raise self._corrupted(ValueError(f"its variables require {required} bytes, its data files have {stored}"))

    def _corrupted(self, error: Exception) -> CheckpointError:
        reason = " ".join(str(error).split())[:300]
        return CheckpointError(
            f"{self._path}: not a readable TensorFlow 1 checkpoint ({reason}). Copy both files again: .index and .data-*."
        )


def _checkpoint(folder: pathlib.Path) -> pathlib.Path:
    checkpoints = sorted(path.with_suffix("") for path in folder.glob("*.ckpt*.index"))
    preferred = [path for path in checkpoints if path.name == "bert_model.ckpt"] or checkpoints
    if len(preferred) > 1:
        raise CheckpointError(
            f"{folder}: expected one checkpoint; received: {', '.join(path.name for path in checkpoints)}. "
            "Copy the one you want, with its config and vocabulary, into a separate folder."
        )
    return preferred[0]


def _is_below_another(name: str, variables: Collection[str]) -> bool:
    """Return whether a variable is a slot or a moving average of another one: its name contains the other's, and more.

    Example:

    >>> variables = ["bert/pooler/dense/kernel"]
    >>> [_is_below_another(name, variables) for name in ("bert/pooler/dense/kernel", "bert/pooler/dense/kernel/lamb_m")]
    [False, True]
    >>> _is_below_another("training/Adam/bert/pooler/dense/kernel/v", variables)
    True
    """
    parts = name.split("/")
    return any("/".join(parts[start:end]) in variables for end in range(1, len(parts)) for start in range(end))


def _is_kernel(name: str) -> bool:
    return name.endswith("/kernel")


def _torch_name(variable: str) -> str:
    """Convert a variable's name to a tensor name.

    Example:

    >>> _torch_name("bert/encoder/layer_0/attention/self/query/kernel")
    'bert.encoder.layer.0.attention.self.query.weight'
    >>> _torch_name("bert/encoder/layer_0/output/layer_normalization_2/gamma")
    'bert.encoder.layer.0.output.LayerNorm.weight'
    """
    variable = re.sub(r"/layer_(\d+)/", r"/layer/\1/", variable).replace("cls/squad/", "qa_outputs/")
    *parts, last = ("LayerNorm" if _NORM.fullmatch(part) else part for part in variable.split("/"))
    if last in ("output_weights", "output_bias") and not parts:
        parts = ["classifier"]  # as in run_classifier.py
    if last in _TABLES:
        parts = [*parts, last]
        last = "weight"
    return ".".join([*parts, _LAST.get(last, last)])
