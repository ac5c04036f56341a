"""A common interface for the three formats of a trained model: token ids in, named outputs out.

A `Runner` wraps a Keras model, a SavedModel or a LiteRT file; pipelines and verification use only this interface.
"""

import dataclasses
import hashlib
import os
import pathlib
import threading
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the operations of SavedModels with a tokenizer
from ai_edge_litert.interpreter import Interpreter
from transformers import PreTrainedTokenizerFast

from kerasft import security
from kerasft.bundles import METADATA_FILE, MODEL_FILE, load_bundle, read_metadata
from kerasft.encoding.encoded import Batchable
from kerasft.errors import CheckpointError
from kerasft.features import LOGITS
from kerasft.files import local_path
from kerasft.heads.own_model import fixed_length

SIGNATURE = "serving_default"
LENGTH_PREFIX = "length_"
"""Prefix of signature names in a file with several fixed lengths: `length_32`, `length_64`, ..."""
TEXT_SIGNATURE = "serve_texts"
PROBABILITY = "probability"
TEXTS = "texts"
TEXT_PAIRS = "text_pairs"
SAVED_MODEL_FILE = "saved_model.pb"
LITERT_FILE = "model.tflite"


@dataclasses.dataclass(frozen=True)
class Runner:
    """A trained model in any format. Thread-safe.

    Attributes:
        run: Takes the inputs by name, int32 (B, S), and returns float32 arrays by name: `logits` (B, C) or (B, S, C), or
            the other outputs of the task's head.
        inputs: The input names.
        batch_size: The fixed batch size B; `None`: any.
        lengths: The fixed lengths S in ascending order; empty: any.

    Example:

    >>> from kerasft.demo import tiny
    >>> runner = keras_runner(tiny.classifier())
    >>> runner.run(tiny.batch(["a good film"]))["logits"].shape
    (1, 2)
    """

    run: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
    inputs: tuple[str, ...]
    batch_size: int | None = None
    lengths: tuple[int, ...] = ()

    @property
    def sequence_length(self) -> int | None:
        """The longest fixed length; `None`: any length."""
        return self.lengths[-1] if self.lengths else None

    def length_for(self, num_tokens: int) -> int | None:
        """Return the shortest fixed length that fits so many tokens; `None`: no padding is needed."""
        return next((length for length in self.lengths if length >= num_tokens), self.sequence_length)


def keras_runner(model: keras.Model) -> Runner:
    """Return a runner for a Keras model, traced once for all batch sizes and lengths.

    Args:
        model: A functional model with named int32 inputs (B, S).

    Example:

    >>> from kerasft.demo import tiny
    >>> keras_runner(tiny.classifier()).inputs
    ('token_ids', 'padding_mask', 'segment_ids')
    """
    inputs = tuple(model.input)
    length = fixed_length(model)
    signature = {name: tf.TensorSpec((None, length), tf.int32) for name in inputs}
    traced = tf.function(lambda features: named_outputs(model, features), autograph=False).get_concrete_function(
        signature
    )

    def run(features):
        outputs = traced({name: tf.constant(features[name]) for name in inputs})
        return {name: value.numpy() for name, value in outputs.items()}

    return Runner(_with_model_name(run, model.name), inputs, lengths=(length,) if length else ())


def _with_model_name(run: Callable, name: str | os.PathLike) -> Callable:
    """Convert errors while running a model, caused by mismatched files, to a `CheckpointError` with the model's name."""

    def checked_run(features):
        try:
            return run(features)
        except (tf.errors.OpError, RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"{name} cannot be run: {_first_line(error)}. Its files are corrupted or mixed up; save or copy it again."
            ) from error

    return checked_run


def named_outputs(model: keras.Model, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Call a model in inference mode and return its outputs by name; a single output has its layer's name, such as `logits`.

    Example:

    >>> from kerasft.demo import tiny
    >>> list(named_outputs(tiny.classifier(), tiny.batch(["a good film"])))
    ['logits']
    """
    outputs = model(features, training=False)
    return outputs if isinstance(outputs, dict) else {model.output_names[0]: outputs}


def saved_model_runner(folder: str | os.PathLike) -> Runner:
    """Return a runner for the token-id signature of a SavedModel written by `kerasft.export.saved_model`.

    Args:
        folder: The SavedModel's folder.

    Raises:
        CheckpointError: If the folder cannot be loaded, or has no such signature.

    Example:

    >>> saved_model_runner("no/such/folder")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/folder/saved_model.pb cannot be read as a SavedModel: ...
    """
    security.check_saved_model(folder)
    try:
        loaded = tf.saved_model.load(str(folder))
        signature = loaded.signatures[SIGNATURE]
    except (OSError, KeyError, ValueError, TypeError, tf.errors.OpError) as error:
        raise CheckpointError(
            f"{folder} cannot be loaded as a SavedModel: {_first_line(error)}. Export or copy it again."
        ) from error
    specs = signature.structured_input_signature[1]
    batch_size, sequence_length = next(iter(specs.values())).shape

    def run(features):
        loaded  # noqa: B018  a signature does not keep the model's variables alive
        outputs = signature(**{name: tf.constant(features[name]) for name in specs})
        return {name: value.numpy() for name, value in outputs.items() if name != PROBABILITY}

    return Runner(
        _with_model_name(run, folder), tuple(specs), batch_size, (sequence_length,) if sequence_length else ()
    )


def text_signature(
    folder: str | os.PathLike,
) -> Callable[[Sequence[str | tuple[str, str]]], dict[str, np.ndarray]] | None:
    """Return the string signature of a SavedModel, as a function from N texts (or pairs) to outputs (N, ...) by name.

    Args:
        folder: A folder written by `kerasft.export.saved_model`.

    Returns:
        The function, or None if there is no such signature.

    Example:

    >>> text_signature("no/such/folder") is None
    True
    """
    if not (local_path(folder) / SAVED_MODEL_FILE).is_file():
        return None
    security.check_saved_model(folder)
    loaded = tf.saved_model.load(str(folder))
    if TEXT_SIGNATURE not in loaded.signatures:
        return None

    def run(texts):
        order = sorted(range(len(texts)), key=lambda row: len("".join(texts[row])))
        outputs: dict[str, dict] = {}
        for start in range(0, len(order), 32):
            rows = order[start : start + 32]
            chunk = [texts[row] for row in rows]
            columns = zip(*chunk) if isinstance(chunk[0], tuple) else [chunk]
            inputs = {name: tf.constant(list(column)) for name, column in zip((TEXTS, TEXT_PAIRS), columns)}
            for name, values in loaded.signatures[TEXT_SIGNATURE](**inputs).items():
                outputs.setdefault(name, {}).update(zip(rows, values.numpy()))
        return {name: np.stack([values[row] for row in range(len(texts))]) for name, values in outputs.items()}

    return run


def litert_runner(path: str | os.PathLike, *, num_threads: int = 2) -> Runner:
    """Return a runner for a LiteRT file with built-in operations only.

    An interpreter has the tensors of a single run, so concurrent calls are serialized; one run uses all `num_threads`. To run in
    parallel, open one runner per thread; each has its own memory.

    Args:
        path: The `.tflite` file.
        num_threads: Threads per run, >= 1.

    Raises:
        CheckpointError: If the file is missing or corrupted, or requires other operations.

    Example:

    >>> litert_runner("no/such/model.tflite")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/model.tflite cannot be read as a LiteRT file: ...
    """
    security.check_litert_file(path)
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=num_threads)
        signatures = {name: interpreter.get_signature_runner(name) for name in _text_signatures(interpreter)}
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} cannot be loaded as a LiteRT file: {_first_line(error)}.") from error
    details = {name: signature.get_input_details() for name, signature in signatures.items()}
    shapes = {name: next(iter(inputs.values()))["shape_signature"] for name, inputs in details.items()}
    names = {int(length): name for name, (_, length) in shapes.items()}
    batch_size = int(next(iter(shapes.values()))[0])
    any_length = next(iter(names.values())) if -1 in names else None
    inputs = tuple(next(iter(details.values())))
    lock = threading.Lock()

    def run(features):
        interpreter  # noqa: B018  a signature runner does not keep the interpreter alive
        name = any_length or names[features[inputs[0]].shape[1]]
        with lock:  # all signatures share the interpreter's tensors
            outputs = signatures[name](**{name: features[name] for name in inputs})
            return {name: value.copy() for name, value in outputs.items()}

    run = _with_model_name(run, path)
    return Runner(run, inputs, batch_size if batch_size > 0 else None, () if any_length else tuple(sorted(names)))


def _text_signatures(interpreter: Interpreter) -> list[str]:
    """The signatures for texts: one, or one per length."""
    names = [name for name in interpreter.get_signature_list() if name == SIGNATURE or name.startswith(LENGTH_PREFIX)]
    if not names:
        known = ", ".join(interpreter.get_signature_list()) or "none"
        raise ValueError(
            f"it has no signature {SIGNATURE} or {LENGTH_PREFIX}N, but {known}; a file with `decode` generates text: run it "
            "with python/kerasft_writer.py in its folder"
        )
    return names


def open_runner(folder: str | os.PathLike, *, num_threads: int = 2) -> Runner:
    """Return a runner for a bundle, an exported SavedModel or an exported LiteRT folder.

    Args:
        folder: The folder.
        num_threads: Threads per run of a LiteRT file; TensorFlow chooses its own.

    Raises:
        CheckpointError: If the folder is none of the three; the message lists what it contains.

    Example:

    >>> open_runner("no/such/folder")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/folder is not a bundle: the folder does not exist. ...
    """
    folder = local_path(folder)
    metadata = read_metadata(folder)
    if (folder / LITERT_FILE).is_file():
        _check_digest(folder / LITERT_FILE, metadata.get("sha256"))
        return litert_runner(folder / LITERT_FILE, num_threads=num_threads)
    if (folder / SAVED_MODEL_FILE).is_file():
        return saved_model_runner(folder)
    return keras_runner(load_bundle(folder).model)


def _check_digest(path: pathlib.Path, expected: str | None) -> None:
    """Raise if a file changed since it was written: the interpreter may crash on it."""
    received = hashlib.sha256(path.read_bytes()).hexdigest()
    if expected is not None and received != expected:
        raise CheckpointError(
            f"{path} is corrupted: its SHA-256 is {received[:12]}..., {METADATA_FILE} says {expected[:12]}.... "
            "Copy or export it again."
        )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


def predict(
    runner: Runner, encoded: Batchable, pad_id: int | None, *, batch_size: int = 32, check_finite: bool = True
) -> dict[str, list[np.ndarray]]:
    """Run encoded texts in batches sorted by length, to reduce padding, and return the outputs in the original order.

    Args:
        runner: The model.
        encoded: N >= 1 rows, as returned by `kerasft.encoding.encoded.encode`.
        pad_id: The padding token's id; None: 0.
        batch_size: Rows per batch, if the runner has no fixed batch size.
        check_finite: Whether to raise for NaN and infinity, which postprocessing would not notice.

    Returns:
        Per output N float32 arrays: (C,) for an output per text, (length of the row, C) for an output per token.

    Raises:
        CheckpointError: If an output is not finite.

    Example:

    >>> from kerasft.demo import tiny
    >>> from kerasft.encoding.encoded import encode
    >>> encoded = encode(tiny.tokenizer(), ["a good film", "bad"], max_length=16)
    >>> [row.shape for row in predict(keras_runner(tiny.classifier()), encoded, 0)["logits"]]
    [(2,), (2,)]
    """
    batch_size = runner.batch_size or batch_size
    order = np.argsort(encoded.lengths, kind="stable")
    rows: dict[str, list] = {}
    for start in range(0, len(order), batch_size):
        chunk = order[start : start + batch_size]
        for name, values in _run(runner, encoded, chunk, pad_id or 0).items():
            unpadded = [value[: encoded.lengths[row]] if value.ndim > 1 else value for row, value in zip(chunk, values)]
            if check_finite and not all(np.isfinite(value).all() for value in unpadded):
                raise CheckpointError(
                    f"The model's output {name!r} must be finite; received: NaN or infinity. Its weights are corrupted, "
                    "or overflow in its precision: train it or export it again."
                )
            rows.setdefault(name, [None] * len(order))
            for row, value in zip(chunk, unpadded):
                rows[name][row] = value
    return rows


def predict_logits(
    runner: Runner, tokenizer: PreTrainedTokenizerFast, encoded: Batchable, *, batch_size: int = 32
) -> np.ndarray:
    """Return the float32 logits, (N, C), of a sequence classification model; see `predict`.

    Example:

    >>> from kerasft.demo import tiny
    >>> from kerasft.encoding.encoded import encode
    >>> encoded = encode(tiny.tokenizer(), ["a good film", "bad"], max_length=16)
    >>> predict_logits(keras_runner(tiny.classifier()), tiny.tokenizer(), encoded).shape
    (2, 2)
    """
    return np.stack(predict(runner, encoded, tokenizer.pad_token_id, batch_size=batch_size)[LOGITS])


def _run(runner: Runner, encoded: Batchable, rows: Sequence[int], pad_id: int) -> dict[str, np.ndarray]:
    """Run one batch; for a fixed batch size, a smaller last batch is filled up with copies of its last row."""
    missing = (runner.batch_size or 0) - len(rows)
    filled = np.concatenate([rows, np.repeat(rows[-1:], missing)]) if missing > 0 else rows
    length = runner.length_for(max(encoded.lengths[row] for row in rows))
    outputs = runner.run(encoded.pad(filled, pad_id, length=length))
    return {name: values[: len(rows)] for name, values in outputs.items()}


def weights_path(folder: str | os.PathLike) -> pathlib.Path:
    """Return the file with the weights of a bundle or export, or the folder itself for a SavedModel.

    Example:

    >>> weights_path("no/such/folder").name
    'folder'
    """
    folder = local_path(folder)
    return next((folder / name for name in (LITERT_FILE, MODEL_FILE) if (folder / name).is_file()), folder)


def folder_size(path: str | os.PathLike) -> int:
    """Return the size in bytes of a file, or of all files in a folder and its subfolders.

    Example:

    >>> import tempfile
    >>> folder_size(tempfile.mkdtemp())
    0
    """
    path = local_path(path)
    return sum(item.stat().st_size for item in [path, *path.rglob("*")] if item.is_file())
