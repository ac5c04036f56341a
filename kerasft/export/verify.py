"""Verify an export against the original model, by loading it again."""

import math
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasft.bundles import Bundle
from kerasft.errors import ExportError, bad_argument
from kerasft.export.agreement import agreement, as_logits, largest_difference
from kerasft.export.benchmark import time_calls
from kerasft.export.folders import open_bundle
from kerasft.features import LOGITS
from kerasft.files import local_path
from kerasft.inference.runners import (
    LITERT_FILE,
    Batchable,
    Runner,
    folder_size,
    keras_runner,
    litert_runner,
    predict,
    saved_model_runner,
    text_signature,
    weights_path,
)
from kerasft.tasks.tasks import task_of


def verify(
    bundle: Bundle | str | os.PathLike,
    artifact: str | os.PathLike,
    texts: Sequence[str | tuple[str, str]] | None = None,
    *,
    gold: Sequence[Any] | Callable[[Runner], float] | None = None,
    num_timed: int = 30,
) -> dict[str, Any]:
    """Load an exported folder and compare it with the bundle's Keras model on the same texts.

    Args:
        bundle: The bundle or its folder.
        artifact: A folder written by `kerasft.export.saved_model` or `kerasft.export.litert`.
        texts: N texts, or N tuples of two texts (question and passage, source and target); `None`: the built-in sample
            with edge cases.
        gold: For text classification N gold labels: names or indices; multi-label: lists of these; regression: numbers. Or for
            any task a function that returns a `Runner`'s score, from 0 to 1, higher is better; it is called for the model and
            for the file.
        num_timed: Timed runs at batch size 1, for each number of threads.

    Returns:
        A dictionary: `num_texts`, `size_bytes`, `max_difference` (maximum absolute difference of an output), `agreement`
        (see `kerasft.export.agreement`), `finite`, `score` of `keras` and `artifact` if `gold` is given (accuracy; regression:
        the correlation with `gold`), and `latency_ms`: minimum, median and 90th percentile of one text, by number of threads.
        For a SavedModel that takes strings also `strings_max_difference`, between its two signatures.

    Raises:
        CheckpointError: If the folder cannot be loaded.
        KerasftError: If the numbers of texts and gold labels differ.

    Example:

    >>> import tempfile
    >>> import kerasft
    >>> from kerasft.demo import tiny
    >>> bundle = kerasft.save_bundle(tempfile.mkdtemp() + "/reviews", tiny.classifier(), tiny.tokenizer(), max_length=16)
    >>> report = kerasft.export.litert(bundle, quantize="float16")
    >>> verify(bundle, report["folder"], ["a good film", "bad"])["agreement"]
    1.0
    """
    bundle = open_bundle(bundle)
    task = task_of(bundle.metadata)
    texts = task.sample(bundle, texts)
    if gold is not None and not callable(gold) and len(gold) != len(texts):
        raise bad_argument("gold", f"as long as texts ({len(texts)})", len(gold), "Give one gold label per text.")
    runners = _runners(local_path(artifact))
    first = next(iter(runners.values()))
    max_length = min(bundle.max_length, first.sequence_length or bundle.max_length)
    encoded = task.encode(bundle, texts, max_length)
    pad_id = bundle.tokenizer.pad_token_id or 0
    expected = predict(keras_runner(bundle.model), encoded, pad_id)
    received = predict(first, encoded, pad_id, check_finite=False)
    finite = all(np.isfinite(row).all() for rows in received.values() for row in rows)
    report = {
        "num_texts": len(texts),
        "size_bytes": folder_size(weights_path(artifact)),
        "finite": finite,
        "max_difference": largest_difference(expected, received) if finite else None,
        "agreement": agreement(expected, received, bundle) if finite else 0.0,
    }
    if callable(gold) and finite:
        report["score"] = {"keras": float(gold(keras_runner(bundle.model))), "artifact": float(gold(first))}
    elif gold is not None and not callable(gold):
        target = {LOGITS: as_logits(gold, bundle.labels)}
        report["score"] = {
            "keras": agreement(expected, target, bundle),
            "artifact": agreement(received, target, bundle),
        }
    if answer_strings := text_signature(artifact):
        from_strings = answer_strings(texts)
        report["strings_max_difference"] = largest_difference(received, from_strings)
    report["latency_ms"] = {name: _latency(runner, encoded, pad_id, num_timed) for name, runner in runners.items()}
    return report


def check_report(
    report: dict[str, Any], *, tolerance: float | None, min_agreement: float, max_drop: float = math.inf
) -> None:
    """Raise if a verification failed.

    Args:
        report: The report of `verify`, of a MediaPipe export or of a generation export.
        tolerance: Maximum absolute difference of an output; `None`: any. If given, a generation export must generate the same
            tokens as the model.
        min_agreement: Minimum agreement, from 0 to 1.
        max_drop: Maximum drop of the score, if any, in points (hundredths).

    Raises:
        ExportError: If an output is NaN or infinite, or differs more than allowed.

    Example:

    >>> report = {"finite": True, "max_difference": 0.5, "agreement": 1.0, "num_texts": 8}
    >>> check_report(report, tolerance=None, min_agreement=0.9)
    >>> check_report(report, tolerance=0.001, min_agreement=0.9)
    Traceback (most recent call last):
    ...
    kerasft.errors.ExportError: An output of the exported model differs from the Keras model by 0.5 ... maximum: 0.001. ...
    """
    kind = "prompts" if "num_tokens" in report else "texts"
    compared = f"{report['num_tokens']} tokens" if kind == "prompts" else f"{report['num_texts']} texts"
    if not report.get("finite", True):
        raise ExportError(
            f"The exported model returns NaN or infinity for some of {compared}; it was discarded. "
            "Check that the outputs of the Keras model are finite, then try another quantize or sequence_length."
        )
    if tolerance is not None and report.get("equal_texts", 1) < 1:
        raise ExportError(
            f"The exported model generates other tokens than the Keras model on {100 * (1 - report['equal_texts']):.1f} % of "
            f"{report['num_prompts']} prompts; a float32 file must generate the same. It was discarded. Please report this with "
            "the model's configuration."
        )
    if tolerance is not None and report.get("max_difference", 0) > tolerance:
        raise ExportError(
            f"An output of the exported model differs from the Keras model by {report['max_difference']:.3g} ({compared}); "
            f"maximum: {tolerance:g}. It was discarded: an operation was converted incorrectly. Please report the model."
        )
    if report["agreement"] < min_agreement:
        raise ExportError(
            f"The exported model agrees with the Keras model on {report['agreement']:.3f} of {compared}; min_agreement is "
            f"{min_agreement:g}. It was discarded. Pass {kind}= from your domain, use quantize='float16', or lower "
            "min_agreement= if this is acceptable."
        )
    if "score" in report:
        before, after = report["score"]["keras"], report["score"]["artifact"]
        if 100 * (before - after) > max_drop + 1e-9:
            raise ExportError(
                f"The exported model scores {after:.4f}, the Keras model {before:.4f}: {100 * (before - after):.2f} "
                f"points less; max_drop is {max_drop:g}. It was discarded. Choose another quantize= (int8 loses the least of the "
                "small formats), train with `--quantization-aware`, or increase max_drop= if this is acceptable."
            )


def report_rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the report of any export as (name, value) rows for a table.

    Example:

    >>> report_rows({"size_bytes": 2_000_000, "num_texts": 8, "agreement": 1.0, "max_difference": 0.0, "latency_ms": {}})
    [('size', '2.0 MB'), ('predictions equal to the model', '100.00 % of 8 texts'), ('maximum output difference', '0')]
    """
    rows = [("size", f"{report['size_bytes'] / 1e6:.1f} MB")]
    if "num_tokens" in report:
        rows += [
            ("tokens equal to the model's", f"{100 * report['agreement']:.2f} % of {report['num_tokens']}"),
            ("texts equal to the model's", f"{100 * report['equal_texts']:.2f} % of {report['num_prompts']}"),
            ("speed", f"{report['tokens_per_second']:.0f} tokens/s"),
        ]
    else:
        rows += [
            ("predictions equal to the model", f"{100 * report['agreement']:.2f} % of {report['num_texts']} texts"),
            ("maximum output difference", f"{report['max_difference']:.2g}"),
        ]
    if "same_ids" in report:
        rows.append(("texts with the same token ids without app normalization", f"{100 * report['same_ids']:.2f} %"))
    if "score" in report:
        rows.append(("score: model, export", "{keras:.4f}, {artifact:.4f}".format(**report["score"])))
    if "strings" in report:
        rows.append(("strings as input", report["strings"]))
    for name, times in report.get("latency_ms", {}).items():
        rows.append((f"one text, {name.replace('_', ' ')}", f"{times['median']:.2f} ms (p90 {times['p90']:.2f})"))
    return rows


def _runners(artifact: pathlib.Path) -> dict[str, Runner]:
    if (artifact / LITERT_FILE).is_file():
        return {f"threads_{count}": litert_runner(artifact / LITERT_FILE, num_threads=count) for count in (1, 2)}
    return {"default": saved_model_runner(artifact)}


def _latency(runner: Runner, encoded: Batchable, pad_id: int, num_timed: int) -> dict[str, float]:
    rows = [
        encoded.pad([row], pad_id, length=runner.length_for(encoded.lengths[row]))
        for row in range(min(len(encoded.lengths), num_timed))
    ]
    return time_calls(lambda number: runner.run(rows[number % len(rows)]), num_timed)
