"""Export a bundle to TensorFlow SavedModel: token ids as input and, if the tokenizer supports it, strings."""

import logging
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasft import security
from kerasft.answers.text_classification import check_settings
from kerasft.bundles import Bundle
from kerasft.encoding.encoded import encode
from kerasft.errors import CheckpointError, KerasftError
from kerasft.export.folders import (
    EXPORT_FILES,
    REPORT_FILE,
    checked_length,
    open_bundle,
    open_length,
    target_folder,
    write_companions,
    write_json,
)
from kerasft.export.verify import check_report, verify
from kerasft.features import LOGITS, MULTI_LABEL, SINGLE_LABEL
from kerasft.files import written_aside
from kerasft.inference.runners import PROBABILITY, SIGNATURE, TEXT_PAIRS, TEXT_SIGNATURE, TEXTS, named_outputs
from kerasft.tasks.tasks import task_of
from kerasft.tokenizers.in_graph import InGraphTokenizer, unsupported_reason

_LOGGER = logging.getLogger(__name__)


def saved_model(
    bundle: Bundle | str | os.PathLike,
    folder: str | os.PathLike | None = None,
    *,
    sequence_length: int | None = None,
    texts: Sequence[str | tuple[str, str]] | None = None,
    gold: Sequence[Any] | None = None,
    tolerance: float = 1e-3,
) -> dict[str, Any]:
    """Export a bundle as a SavedModel folder for TensorFlow Serving, and verify it by loading it again.

    The signature `serving_default` takes the model's inputs, such as `token_ids`, `padding_mask` and `segment_ids`, int32
    (B, S), and returns its outputs by name: `logits`, float32 (B, C), or (B, S, C) for token-level tasks; for classification
    also `probability`, scaled by the bundle's temperature. The signature `serve_texts` takes strings, `texts` (B,) and, for
    pairs, `text_pairs` (B,), and returns the same; the tokenizer is part of the graph. It is omitted, with a warning and an entry
    in the report, if its ids would not equal those of the training tokenizer, and for tasks that predict text spans, since the
    graph has no offsets. To load a SavedModel with `serve_texts`, `import tensorflow_text` first.

    Args:
        bundle: The bundle or its folder.
        folder: Where to write; `None`: next to the bundle's folder: `reviews.saved_model` for `reviews`. An existing export
            there is replaced.
        sequence_length: Fixed length S; `None`: any length.
        texts: Texts (or tuples of two) to verify on; `None`: a built-in sample with edge cases.
        gold: Gold labels of `texts`, to report accuracy; see `verify`.
        tolerance: Maximum absolute difference of an output from the Keras model.

    Returns:
        The report of `verify`, with `folder` and `strings`; also written to `report.json`.

    Raises:
        ExportError: If the SavedModel's outputs differ from the Keras model's. No files are left behind.
        KerasftError: If an argument is invalid, or the folder contains other files.

    Example:

    >>> import tempfile
    >>> from kerasft.demo import tiny
    >>> metadata = {"labels": ["no", "yes"], "problem": "single_label", "max_length": 16, "pair": False}
    >>> bundle = Bundle(tiny.classifier(["no", "yes"]), tiny.tokenizer(), metadata)
    >>> report = saved_model(bundle, tempfile.mkdtemp() + "/served", texts=["a good film"])
    >>> report["agreement"], report["strings"]
    (1.0, 'included')
    """
    folder = target_folder(bundle, folder, "saved_model")
    bundle = open_bundle(bundle)
    sequence_length = open_length(bundle, sequence_length)
    max_length = checked_length(bundle, sequence_length)
    if bundle.labels is not None:
        check_settings(bundle.settings, bundle.labels)
    texts = task_of(bundle.metadata).sample(bundle, texts)
    tokenizer, strings = _tokenizer_in_graph(bundle, texts, max_length)
    with written_aside(folder, own=EXPORT_FILES) as aside:
        _write(bundle, aside, sequence_length, tokenizer)
        facts = {"format": "saved_model", "max_length": max_length, "sequence_length": sequence_length}
        write_companions(aside, bundle, **facts, strings=strings)
        with security.trust():  # written just now by this process
            report = {"format": "saved_model", "folder": str(folder), **verify(bundle, aside, texts, gold=gold)}
        check_report(report, tolerance=tolerance, min_agreement=0.0)
        report |= {"strings": strings, "model_warnings": bundle.warnings}
        write_json(aside / REPORT_FILE, report)
        _warn_if_unlisted(aside)
    return report


def _warn_if_unlisted(folder: pathlib.Path) -> None:
    """Warn about operations, such as those of a custom head, that kerasft loads only from trusted files."""
    try:
        security.check_saved_model(folder)
    except CheckpointError as error:
        _LOGGER.warning("kerasft loads this SavedModel only with trust=True (--trust). %s", error)


def write_graph(
    bundle: Bundle, folder: pathlib.Path, shapes: Mapping[str, tuple[int | None, int | None]], *, only_logits: bool
) -> None:
    """Write a SavedModel with token-id signatures only, for converters.

    Args:
        bundle: The bundle.
        folder: Where to write.
        shapes: Input shape (B, S) by signature name; `None`: any size.
        only_logits: Whether to omit `probability`.

    Example:

    >>> import tempfile
    >>> from kerasft.demo import tiny
    >>> bundle = Bundle(tiny.classifier(), tiny.tokenizer(), {"labels": ["no", "yes"], "problem": "single_label"})
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> write_graph(bundle, folder, {"serving_default": (1, 16)}, only_logits=True)
    >>> (folder / "saved_model.pb").is_file()
    True
    """
    problem = None if only_logits else _problem(bundle)
    _write_out(folder, {name: _serving_function(bundle, shape, problem) for name, shape in shapes.items()})


def _write(
    bundle: Bundle, folder: pathlib.Path, sequence_length: int | None, tokenizer: InGraphTokenizer | None
) -> None:
    serving_function = _serving_function(bundle, (None, sequence_length), _problem(bundle))
    endpoints = {SIGNATURE: serving_function}
    if tokenizer is not None:
        columns = (TEXTS, TEXT_PAIRS) if bundle.metadata.get("pair") else (TEXTS,)
        signature = [tf.TensorSpec((None,), tf.string, name=name) for name in columns]

        def serve(texts, text_pairs=None):
            features = tokenizer(texts, text_pairs, length=sequence_length)
            return serving_function({name: features[name] for name in bundle.model.input})

        endpoints[TEXT_SIGNATURE] = tf.function(serve, input_signature=signature, autograph=False)
    _write_out(folder, endpoints)


def _write_out(folder: pathlib.Path, endpoints: dict[str, Callable]) -> None:
    archive = keras.export.ExportArchive()  # without track(model), which would store every weight twice
    for name, function in endpoints.items():
        function.get_concrete_function()  # trace once; the archive would trace a plain function twice
        archive.add_endpoint(name, function)
    archive.write_out(str(folder), verbose=False)


def _problem(bundle: Bundle) -> str | None:
    """The problem type, which determines the probabilities; None without classes."""
    return None if bundle.labels is None else bundle.labels.problem


def _serving_function(bundle: Bundle, shape: tuple[int | None, int | None], problem: str | None) -> Callable:
    model = bundle.model
    temperature = bundle.settings.get("temperature", 1.0)
    signature = {name: tf.TensorSpec(shape, tf.int32, name=name) for name in model.input}

    def answer(features):
        outputs = dict(named_outputs(model, features))
        if LOGITS in outputs and problem == MULTI_LABEL:
            outputs[PROBABILITY] = tf.sigmoid(outputs[LOGITS] / temperature)
        elif LOGITS in outputs and problem == SINGLE_LABEL:
            outputs[PROBABILITY] = tf.nn.softmax(outputs[LOGITS] / temperature)
        return outputs

    return tf.function(answer, input_signature=[signature], autograph=False)


def _tokenizer_in_graph(bundle: Bundle, texts: Sequence, max_length: int) -> tuple[InGraphTokenizer | None, str]:
    """Return the tokenizer as a graph and "included"; or None and the reason if its ids would not be exactly equal."""
    if not task_of(bundle.metadata).exports.strings:
        return None, f"left out: {bundle.task} requires token ids or offsets in addition to the outputs"
    reason = unsupported_reason(bundle.tokenizer)
    if reason is None:
        try:
            tokenizer = InGraphTokenizer(bundle.tokenizer, max_length)
            different = _first_difference(
                bundle, tokenizer, [*task_of(bundle.metadata).sample(bundle, None), *texts], max_length
            )
            if different is None:
                return tokenizer, "included"
            reason = f"its ids differ for the text {different[:80]!r}"
        except (KerasftError, tf.errors.OpError, RuntimeError) as error:
            reason = str(error)
    _LOGGER.warning(
        "The SavedModel takes token ids only, not strings: the tokenizer is not part of the graph; %s.", reason
    )
    return None, f"left out: {reason}"


def _first_difference(bundle: Bundle, tokenizer: InGraphTokenizer, texts: Sequence, max_length: int) -> str | None:
    for start in range(0, len(texts), 256):
        chunk = texts[start : start + 256]
        encoded = encode(bundle.tokenizer, chunk, max_length=max_length)
        expected = encoded.pad(range(len(chunk)), bundle.tokenizer.pad_token_id or 0, length=max_length)
        columns = zip(*chunk) if isinstance(chunk[0], tuple) else [chunk]
        received = tokenizer(*(tf.constant(list(column)) for column in columns), length=max_length)
        for name, values in expected.items():
            wrong = np.flatnonzero((values != received[name].numpy()).any(-1))
            if len(wrong):
                return str(chunk[wrong[0]])
    return None
