"""Export a bundle to a single file for MediaPipe's TextClassifier or TextEmbedder, or report why it is not supported."""

import dataclasses
import json
import logging
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer
from transformers import PreTrainedTokenizerFast

from kerasft.answers.text_classification import check_settings
from kerasft.bundles import Bundle
from kerasft.encoding.encoded import encode
from kerasft.errors import ExportError, bad_argument
from kerasft.export.folders import checked_length, open_bundle, open_length
from kerasft.export.litert import convert
from kerasft.export.mobile import preprocessing
from kerasft.export.tflite_metadata import with_metadata
from kerasft.export.verify import check_report
from kerasft.features import EMBEDDING, PADDING_MASK, SEGMENT_IDS, SINGLE_LABEL, TOKEN_IDS
from kerasft.files import file_written_aside, local_path
from kerasft.inference.runners import PROBABILITY, SIGNATURE, keras_runner, litert_runner, predict
from kerasft.tasks.tasks import task_of

DEFAULT_LENGTH = 128
FILE_NAME = "mediapipe.tflite"
_NAMES = {TOKEN_IDS: "ids", PADDING_MASK: "mask", SEGMENT_IDS: "segment_ids"}
"""Input names of kerasft -> input names expected by MediaPipe's BertPreprocessor."""
_RECIPES = (None, "float16", "int8")
_TOLERANCE = 1e-4  # for probabilities in float32; the measured differences are below 2e-6
NORMALIZE_FIRST = (
    "MediaPipe lowercases ASCII letters only and keeps accents, control characters and unusual spaces. The app must first "
    "remove control characters, replace all white space by spaces, lowercase, decompose (NFD) and remove marks (Unicode "
    "category Mn)."
)
"""Normalization an app must apply before MediaPipe to get the token ids of an uncased BERT."""
_LOGGER = logging.getLogger(__name__)


def mediapipe(
    bundle: Bundle | str | os.PathLike,
    path: str | os.PathLike | None = None,
    *,
    quantize: str | None = None,
    sequence_length: int | None = None,
    texts: Sequence[str] | None = None,
    min_agreement: float = 0.9,
    app_normalizes: bool = False,
) -> dict[str, Any]:
    """Export a text classifier or a sentence encoder as one file for MediaPipe Tasks, verified in the LiteRT interpreter.

    MediaPipe's `TextClassifier` or `TextEmbedder` (Android, iOS, web, Python) opens the file directly: it contains the
    tokenizer's vocabulary and the labels, and the bundle's temperature is part of the graph. It has three int32 inputs (1, L)
    and one float32 output: `probability` (1, C), or `embedding` (1, H).

    Args:
        bundle: The bundle or its folder.
        path: Where to write: a `.tflite` file, or a folder, in which the file is named `mediapipe.tflite`. `None`: the bundle's
            folder. An existing file is replaced.
        quantize: `None`: float32; `"float16"`; `"int8"`: dynamic-range quantization, a quarter of the size.
        sequence_length: Fixed length L in tokens; MediaPipe truncates longer texts. `None`: 128, or the bundle's
            `max_length` if less.
        texts: Texts to verify on; `None`: a built-in sample with edge cases.
        min_agreement: Minimum fraction of texts, from 0 to 1, for which a quantized file predicts the same label as the model
            (embeddings: with a cosine similarity of at least 0.95). A float32 file must equal the model within 1e-4.
        app_normalizes: Whether the app normalizes texts as described in `NORMALIZE_FIRST`. Otherwise a model whose tokenizer
            strips accents (most uncased models) is not supported: MediaPipe keeps them.

    Returns:
        `path`, `task`, `quantize`, `sequence_length`, `size_bytes`, `num_texts`, `max_difference` of an output, `agreement`,
        `same_ids` (fraction of texts with the same token ids in MediaPipe and in the model's tokenizer) and `advice` (sentences
        for the app's developer).

    Raises:
        ExportError: If MediaPipe would run the model incorrectly (see `mediapipe_problems`), or the file fails verification. No
            file is left behind.
        KerasftError: If an argument is invalid.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> metadata = {"labels": ["no", "yes"], "problem": "single_label", "max_length": 16, "pair": False}
    >>> bundle = Bundle(model, tokenizer, metadata)
    >>> report = mediapipe(bundle, "reviews.tflite", texts=["a good film"], app_normalizes=True)
    >>> report["agreement"], report["same_ids"], report["sequence_length"]
    (1.0, 1.0, 16)
    """
    if quantize not in _RECIPES:
        raise bad_argument("quantize", "None, 'float16' or 'int8'", quantize, "MediaPipe supports these three.")
    if not 0 <= min_agreement <= 1:
        raise bad_argument("min_agreement", "a fraction from 0 to 1", min_agreement, "0.9 is usual.")
    path = _target(bundle, path)
    bundle = open_bundle(bundle)
    if problems := mediapipe_problems(bundle, app_normalizes=app_normalizes):
        raise ExportError(
            f"MediaPipe would run this model incorrectly: {'; '.join(problems)}. No file was written. "
            "Use kerasft.export.litert instead: it includes code for Android, iOS and Python with the model's tokenization."
        )
    length = open_length(bundle, sequence_length) or min(DEFAULT_LENGTH, bundle.max_length)
    length = checked_length(bundle, length)
    texts = task_of(bundle.metadata).sample(bundle, texts)
    served = dataclasses.replace(bundle, model=_served_model(bundle))
    content = with_metadata(
        convert(served, {SIGNATURE: (1, length)}, quantize=quantize),
        name=f"kerasft {bundle.task}",
        inputs=_NAMES,
        output=PROBABILITY if bundle.labels else EMBEDDING,
        vocabulary=_vocabulary(bundle.tokenizer),
        labels=[" ".join(name.split()) for name in bundle.labels] if bundle.labels else None,
    )
    report = {"format": "mediapipe", "path": str(path), "task": bundle.task, "quantize": quantize}
    with file_written_aside(path) as aside:
        aside.write_bytes(content)
        report |= {"sequence_length": length, "size_bytes": len(content)} | _compare(served, aside, texts, length)
        check_report(report, tolerance=None if quantize else _TOLERANCE, min_agreement=min_agreement)
    report |= _advice(bundle, texts) | {"model_warnings": bundle.warnings}
    return report


def mediapipe_problems(bundle: Bundle, *, app_normalizes: bool = False) -> list[str]:
    """Return why MediaPipe, which has only one tokenization, would run a model incorrectly.

    Args:
        bundle: The bundle to export.
        app_normalizes: Whether the app normalizes texts as described in `NORMALIZE_FIRST`.

    Returns:
        A clause for each reason; empty if the model is supported.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> metadata = {"labels": ["no", "yes"], "problem": "single_label", "pair": True}
    >>> mediapipe_problems(Bundle(model, tokenizer, metadata), app_normalizes=True)
    ['it takes pairs of texts, but MediaPipe passes a single text, all in segment 0']
    """
    if not task_of(bundle.metadata).exports.mediapipe:
        return [f"its task is {bundle.task}, and MediaPipe's text tasks are classification and embedding"]
    problems = []
    if bundle.metadata.get("pair"):
        problems.append("it takes pairs of texts, but MediaPipe passes a single text, all in segment 0")
    if bundle.labels is not None and bundle.labels.problem != SINGLE_LABEL:
        problems.append(
            f"its problem is {bundle.labels.problem}, but MediaPipe's classifier is single-label "
            "(without thresholds per label and without regression)"
        )
    if unknown := sorted(set(bundle.model.input) - set(_NAMES)):
        problems.append(f"it has the inputs {', '.join(unknown)}, but MediaPipe provides ids, mask and segment_ids")
    problems += _tokenizer_problems(bundle.tokenizer)
    if not app_normalizes and preprocessing(bundle.tokenizer)["strip_accents"]:
        problems.append(
            "its tokenizer strips accents, but MediaPipe keeps them (if your app normalizes texts as in docs/mediapipe.md, or "
            "all texts are ASCII, use app_normalizes=True or --app-normalizes)"
        )
    return problems


def _tokenizer_problems(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    settings = preprocessing(tokenizer)
    if settings["type"] != "wordpiece":
        return [f"its tokenizer is {settings['type']}, but MediaPipe supports only WordPiece"]
    problems = []
    if not settings["lowercase"]:
        problems.append("it is cased, but MediaPipe lowercases all texts")
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    vocabulary = tokenizer.get_vocab()
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        problems.append("its vocabulary has gaps, but MediaPipe uses the line numbers of vocab.txt as ids")
    if (prefix := model["continuing_subword_prefix"]) != "##":
        problems.append(f"its word pieces start with {prefix!r}, but MediaPipe's with '##'")
    if model["unk_token"] != "[UNK]":
        problems.append(f"its unknown token is {model['unk_token']!r}, but MediaPipe's is '[UNK]'")
    expected = {"before": [vocabulary.get("[CLS]")], "after_single": [vocabulary.get("[SEP]")]}
    if any(settings["template"][part] != ids for part, ids in expected.items()):
        problems.append("its input format is not [CLS] text [SEP], which MediaPipe uses")
    return problems


def _target(bundle: Bundle | str | os.PathLike, path: str | os.PathLike | None) -> pathlib.Path:
    if path is None and isinstance(bundle, Bundle):
        raise bad_argument("path", "a path, for a bundle in memory", path, "For example: path='reviews.tflite'.")
    path = local_path(bundle if path is None else path)
    if path.suffix != ".tflite":
        path = path / FILE_NAME
    if path.is_dir() or path.parent.is_file():
        raise bad_argument("path", "a .tflite file or a folder", str(path), "Choose another name.")
    return path


def _served_model(bundle: Bundle) -> keras.Model:
    """The model with MediaPipe's three inputs, used or not, and with probabilities instead of logits.

    There are no thresholds: only multi-label models have them, and these are not supported.
    """
    model = bundle.model
    temperature = bundle.settings.get("temperature", 1.0)
    inputs = {name: model.input.get(name) for name in _NAMES}
    for name, tensor in inputs.items():
        if tensor is None:
            inputs[name] = keras.Input((None,), dtype="int32", name=name)
    output = model.outputs[0]
    if bundle.labels is not None:
        check_settings(bundle.settings, bundle.labels)
        if temperature != 1:
            output = keras.layers.Rescaling(1 / temperature, dtype="float32", name="temperature")(output)
        output = keras.layers.Softmax(dtype="float32", name=PROBABILITY)(output)  # (B, C)
    return keras.Model(inputs, output, name=model.name)


def _vocabulary(tokenizer: PreTrainedTokenizerFast) -> str:
    """The content of `vocab.txt`: tokens in the order of their ids."""
    vocabulary = tokenizer.get_vocab()
    return "".join(f"{token}\n" for token in sorted(vocabulary, key=vocabulary.get))


def _compare(served: Bundle, path: pathlib.Path, texts: Sequence[str], length: int) -> dict[str, Any]:
    encoded = encode(served.tokenizer, texts, max_length=length)
    pad_id = served.tokenizer.pad_token_id
    (expected,) = predict(keras_runner(served.model), encoded, pad_id).values()
    (received,) = predict(litert_runner(path), encoded, pad_id, check_finite=False).values()
    expected, received = np.stack(expected), np.stack(received)  # (N, C)
    if served.labels is not None:
        same = expected.argmax(-1) == received.argmax(-1)
    else:
        norms = np.linalg.norm(expected, axis=-1) * np.linalg.norm(received, axis=-1)
        same = (expected * received).sum(-1) >= 0.95 * norms
    return {
        "num_texts": len(texts),
        "finite": bool(np.isfinite(received).all()),
        "max_difference": float(np.abs(expected - received).max()),
        "agreement": float(same.mean()),
    }


def _advice(bundle: Bundle, texts: Sequence[str]) -> dict[str, Any]:
    """The fraction of texts with the same token ids in MediaPipe, and what the app must do for the others."""
    different = [text for text in texts if mediapipe_ids(bundle.tokenizer, text) != _ids(bundle.tokenizer, text)]
    advice = [NORMALIZE_FIRST]
    if rejection := bundle.settings.get("out_of_scope"):
        advice.append(
            f"Set score_threshold={rejection['threshold']:g} in the app: no category then means {rejection['label']!r}."
        )
    if different:
        _LOGGER.warning(
            "MediaPipe's token ids differ from the model's tokenizer for %d of %d texts, such as %r. %s",
            len(different),
            len(texts),
            different[0][:60],
            NORMALIZE_FIRST,
        )
    return {"same_ids": 1 - len(different) / len(texts), "advice": advice}


def mediapipe_ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    """Return the token ids that MediaPipe computes: only ASCII letters are lowercased.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> mediapipe_ids(tokenizer, "A Good film") == tokenizer("A Good film")["input_ids"]
    True
    >>> mediapipe_ids(tokenizer, "caf\\u00e9") == tokenizer("caf\\u00e9")["input_ids"]
    False
    """
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_padding()
    backend.no_truncation()
    backend.normalizer = BertNormalizer(
        clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False
    )
    return backend.encode("".join(each.lower() if each.isascii() else each for each in text)).ids


def _ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenizer(text, truncation=False, verbose=False)["input_ids"]
