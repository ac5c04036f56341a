"""Read a TensorFlow 1 checkpoint of Google's BERT (https://github.com/google-research/bert): `bert_model.ckpt.*`."""

import pathlib
import re
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from kerasft import security
from kerasft.errors import CheckpointError

CONFIG_FILE = "bert_config.json"
_LAST = {"kernel": "weight", "gamma": "weight", "beta": "bias", "output_weights": "weight", "output_bias": "bias"}
_TABLES = ("word_embeddings", "position_embeddings", "token_type_embeddings")
_NOT_WEIGHTS = re.compile(r"(^|/)(adam_[mv]|Adam(_1)?|beta[12]_power|global_step)$")  # the optimizer's and the counter


class Tf1Reader:
    """The tensors of a folder with one TensorFlow 1 checkpoint, without the optimizer's.

    Args:
        folder: Holds `NAME.index` and its `NAME.data-00000-of-00001`; `bert_model.ckpt` if there are several.

    Raises:
        CheckpointError: If there is more than one checkpoint and none of that name, or the files are damaged.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._path = _checkpoint(folder)
        security.check_tf1_index(f"{self._path}.index")
        try:
            self._file = tf.train.load_checkpoint(str(self._path))
            shapes = self._file.get_variable_to_shape_map()
            self._dtypes = self._file.get_variable_to_dtype_map()
        except Exception as error:  # TensorFlow's errors share no base class with those of damaged text.
            raise self._damaged(error) from error
        self._names = {_torch_name(name): name for name in shapes if not _NOT_WEIGHTS.search(name)}
        self._shapes = {name: tuple(shape) for name, shape in shapes.items()}

    @staticmethod
    def fits(folder: pathlib.Path) -> bool:
        """Tell whether the folder has such files."""
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
            CheckpointError: If it is not of a float type, or the file is damaged there.
        """
        stored = self._names[name]
        if not self._dtypes[stored].is_floating:
            raise CheckpointError(
                f"{self._path}: {stored!r} must be of a float type; received: {self._dtypes[stored].name}."
            )
        try:
            value = np.asarray(self._file.get_tensor(stored)).astype(np.float32, copy=False)
        except Exception as error:
            raise self._damaged(error) from error
        return value.T if _is_kernel(stored) else value

    def _damaged(self, error: Exception) -> CheckpointError:
        reason = " ".join(str(error).split())[:300]
        return CheckpointError(
            f"{self._path}: not a readable TensorFlow 1 checkpoint ({reason}). Copy both files again: .index and .data-*."
        )


def _checkpoint(folder: pathlib.Path) -> pathlib.Path:
    found = sorted(path.with_suffix("") for path in folder.glob("*.ckpt*.index"))
    preferred = [path for path in found if path.name == "bert_model.ckpt"] or found
    if len(preferred) > 1:
        raise CheckpointError(
            f"{folder}: one checkpoint must be there; received: {', '.join(path.name for path in found)}. "
            "Copy the one that you want, with the config and the vocabulary, into a folder of its own."
        )
    return preferred[0]


def _is_kernel(name: str) -> bool:
    return name.endswith("/kernel")


def _torch_name(variable: str) -> str:
    """Translate a variable's name.

    Example:

    >>> _torch_name("bert/encoder/layer_0/attention/self/query/kernel")
    'bert.encoder.layer.0.attention.self.query.weight'
    """
    variable = re.sub(r"/layer_(\d+)/", r"/layer/\1/", variable).replace("cls/squad/", "qa_outputs/")
    *parts, last = variable.split("/")
    if last in ("output_weights", "output_bias") and not parts:
        parts = ["classifier"]  # of run_classifier.py
    if last in _TABLES:
        parts, last = [*parts, last], "weight"
    return ".".join([*parts, _LAST.get(last, last)])
