"""Export a bundle to LiteRT (TFLite) for mobile devices: built-in operations only, verified in the interpreter."""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kerasft.bundles import Bundle
from kerasft.conversion.steps import run_step
from kerasft.errors import ExportError, bad_argument
from kerasft.export.folders import (
    EXPORT_FILES,
    REPORT_FILE,
    checked_lengths,
    open_bundle,
    open_length,
    target_folder,
    write_companions,
    write_json,
)
from kerasft.export.int8_embedding import with_int8_embeddings
from kerasft.export.litert_graph import for_litert
from kerasft.export.mobile import copy_samples, golden_rows, preprocessing, write_golden
from kerasft.export.mobile_pages import update_pages_beside, write_pages
from kerasft.export.quantization import (
    BY_QUANTIZER,
    MASK_VALUE,
    check_calibration,
    check_quantize,
    quantize_file,
)
from kerasft.export.saved_model import write_graph
from kerasft.export.verify import check_report, verify
from kerasft.files import local_path, written_aside
from kerasft.heads.own_model import lambdas_of
from kerasft.inference.runners import LENGTH_PREFIX, LITERT_FILE, SIGNATURE, Runner, litert_runner
from kerasft.measuring import count_operators, measure_litert
from kerasft.tasks.tasks import task_of

SIGNATURE_FILE = "signature.json"
_TOLERANCE = 1e-3  # float32 only; the measured differences are below 1e-5


def litert(
    bundle: Bundle | str | os.PathLike,
    folder: str | os.PathLike | None = None,
    *,
    quantize: str | None = None,
    sequence_length: int | Sequence[int] | None = None,
    texts: Sequence[str | tuple[str, str]] | None = None,
    gold: Sequence[Any] | Callable[[Runner], float] | None = None,
    calibration: Sequence[str | tuple[str, str]] | None = None,
    max_drop: float = 1.0,
    min_agreement: float | None = None,
) -> dict[str, Any]:
    """Export a bundle as a LiteRT folder, and verify the file in the LiteRT interpreter.

    The folder contains everything an app needs: `model.tflite`, the tokenizer's files, `labels.txt`, `signature.json` (names,
    shapes and dtypes of inputs and outputs, and the preprocessing), `golden.jsonl` (texts with their ids and the file's outputs),
    `kerasft.json`, `report.json`, `report.html`, `README.md`, and sample code: `python/`, `android/`, `ios/`, `web/`. The file
    requires built-in operations only (no Flex). Address inputs and outputs by their names in the signature: their order varies.

    Args:
        bundle: The bundle or its folder.
        folder: Where to write; `None`: next to the bundle's folder, as the command line does: `reviews.litert` for `reviews`,
            or `reviews.litert.int8`. An existing export there is replaced.
        quantize: `None`: float32. `"float16"`: weights in float16, computation in float32. `"int8"`: dynamic-range quantization,
            weights and embedding tables in int8, a quarter of the size; fastest on mobile CPUs. `"int4"`: weight matrices in int4
            with a scale per block of 32, embedding tables in int8. `"int8_full"`: activations in int8 too, for integer-only
            accelerators; layer norms and residual sums stay float.
        sequence_length: Fixed length S with batch size 1, for runtimes that cannot resize inputs; the signature is
            `serving_default`. Several lengths: one signature each, such as `length_32`, sharing the weights; the shortest one
            that fits a text is fastest. `None`: dynamic batch size and length, `serving_default`.
        texts: Texts (or tuples of two) to verify on; `None`: a built-in sample with edge cases.
        gold: Gold labels of `texts`, to report accuracy; or for any task a function that scores a `Runner`. See `verify`.
        calibration: For `"int8_full"`: at least 16 texts of the training set; 128 is usual.
        max_drop: Maximum drop of the score on `gold` against the model, in points (hundredths).
        min_agreement: Minimum fraction of texts, from 0 to 1, on which the predictions of file and model agree. `None`: 0.9 if
            `texts` are given, else 0, since the built-in texts are out of domain. A float32 file must also equal the model
            within 1e-3.

    Returns:
        The report of `verify`, with `folder` and `operators`; also written to `report.json` and `report.html`.

    Raises:
        ExportError: If LiteRT does not support an operation of the model, or the file fails verification. No files are left
            behind.
        KerasftError: If an argument is invalid, or the folder contains other files.

    Example:

    >>> import tempfile
    >>> from kerasft.demo import tiny
    >>> metadata = {"labels": ["no", "yes"], "problem": "single_label", "max_length": 16, "pair": False}
    >>> bundle = Bundle(tiny.classifier(["no", "yes"]), tiny.tokenizer(), metadata)
    >>> report = litert(bundle, tempfile.mkdtemp() + "/phone", texts=["a good film"])
    >>> report["agreement"], report["size_bytes"] < 100_000
    (1.0, True)
    """
    check_quantize(quantize)
    if min_agreement is not None and not 0 <= min_agreement <= 1:
        raise bad_argument("min_agreement", "a fraction from 0 to 1", min_agreement, "0.9 is usual.")
    if not max_drop >= 0:
        raise bad_argument("max_drop", "points >= 0", max_drop, "1.0 is usual.")
    folder = target_folder(bundle, folder, f"litert.{quantize}" if quantize else "litert")
    bundle = open_bundle(bundle)
    lengths = checked_lengths(bundle, open_length(bundle, sequence_length))
    check_calibration(quantize, calibration, lengths)
    max_length = lengths[-1] if lengths else bundle.max_length
    if min_agreement is None:
        min_agreement = 0.9 if texts is not None else 0.0
    texts = task_of(bundle.metadata).sample(bundle, texts)
    with written_aside(folder, own=EXPORT_FILES) as aside:
        content = convert(
            bundle, _shapes(lengths), quantize=quantize, batches=_batches(bundle, calibration, max_length)
        )
        (aside / LITERT_FILE).write_bytes(content)
        facts = {"format": "litert", "quantize": quantize, "max_length": max_length, "lengths": list(lengths)}
        write_companions(aside, bundle, **facts, sha256=hashlib.sha256(content).hexdigest())
        signature = _signature(bundle, _shapes(lengths), max_length)
        write_json(aside / SIGNATURE_FILE, signature)
        report = {"format": "litert", "task": bundle.task, "quantize": quantize, "folder": str(folder)}
        report |= verify(bundle, aside, texts, gold=gold) | {"model_warnings": bundle.warnings}
        check_report(report, tolerance=None if quantize else _TOLERANCE, min_agreement=min_agreement, max_drop=max_drop)
        counts = count_operators(aside / LITERT_FILE).items()
        report["operators"] = [{"signature": name} | row for name, rows in counts for row in rows]
        write_golden(aside, golden_rows(bundle, litert_runner(aside / LITERT_FILE), texts=texts, signature=signature))
        copy_samples(aside)
        write_json(aside / REPORT_FILE, report)
        write_pages(aside, report, signature)
    update_pages_beside(folder, report)
    return report


def profile(folder: str | os.PathLike) -> dict[str, Any]:
    """Measure latency by length, peak memory and time per kernel of an exported file, and add them to its report.

    Args:
        folder: A folder written by `litert`.

    Returns:
        The report, with `rows`, `memory` and `kernels` of `kerasft.measuring.measure_litert`.

    Example:

    >>> profile("no/such/folder")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/folder/model.tflite is not a LiteRT file: the file does not exist. ...
    """
    folder = local_path(folder)
    measured = measure_litert(folder / LITERT_FILE)
    report = json.loads((folder / REPORT_FILE).read_text("utf-8"))
    report |= {name: measured[name] for name in ("rows", "memory", "kernels", "kernels_of", "kernels_error")}
    write_json(folder / REPORT_FILE, report)
    write_pages(folder, report, json.loads((folder / SIGNATURE_FILE).read_text("utf-8")))
    return report


def _shapes(lengths: Sequence[int]) -> dict[str, tuple[int | None, int | None]]:
    """The input shape (B, S) by signature name."""
    if len(lengths) < 2:
        return {SIGNATURE: (1, lengths[0]) if lengths else (None, None)}
    return {f"{LENGTH_PREFIX}{length}": (1, length) for length in lengths}


def _batches(bundle: Bundle, texts: Sequence | None, length: int) -> list[dict[str, np.ndarray]]:
    if texts is None:
        return []
    task = task_of(bundle.metadata)
    encoded = task.encode(bundle, task.sample(bundle, texts), length)
    pad_id = bundle.tokenizer.pad_token_id or 0
    return [encoded.pad([row], pad_id, length=length) for row in range(len(texts))]


def convert(
    bundle: Bundle,
    shapes: Mapping[str, tuple[int | None, int | None]],
    *,
    quantize: str | None = None,
    batches: Sequence[dict[str, np.ndarray]] = (),
) -> bytes:
    """Convert a bundle's model to a LiteRT file, without verification; return its content.

    Args:
        bundle: The bundle to convert.
        shapes: Input shape (B, S) by signature name; None: any size.
        quantize: As for `litert`.
        batches: Calibration batches for `"int8_full"`: inputs by name, int32 (1, S).

    Raises:
        ExportError: If LiteRT does not support an operation of the model, or the converter crashed.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> len(convert(Bundle(model, tokenizer, {}), {"serving_default": (1, 16)})) > 10_000
    True
    """
    _refuse_lambdas(bundle.model)
    bundle = dataclasses.replace(bundle, model=for_litert(bundle.model))
    if quantize not in (None, "float16"):
        mask_value = MASK_VALUE if quantize == "int8_full" else None
        bundle = dataclasses.replace(bundle, model=with_int8_embeddings(bundle.model, mask_value=mask_value))
    with tempfile.TemporaryDirectory() as temporary:
        graph, file = pathlib.Path(temporary, "graph"), pathlib.Path(temporary, LITERT_FILE)
        write_graph(bundle, graph, shapes, only_logits=True)
        job = {"folder": str(graph), "signatures": list(shapes), "out_file": str(file)}
        result = run_step("convert", job | {"quantize": None if quantize in BY_QUANTIZER else quantize})
        if "refused" in result:
            raise ExportError(_conversion_message(result["refused"], next(iter(shapes.values()))))
        content = file.read_bytes()
    return quantize_file(content, quantize, batches) if quantize in BY_QUANTIZER else content


def _refuse_lambdas(model: keras.Model) -> None:
    if paths := lambdas_of(model):
        raise ExportError(
            f"The model cannot be converted to LiteRT: its layer {paths[0]!r} is a Lambda, whose Python code cannot be saved. "
            "Write it as a subclass of keras.layers.Layer, or use keras.ops on the tensors, and export again."
        )


def _conversion_message(message: str, shape: tuple[int | None, int | None]) -> str:
    """Extract the unsupported operations from the converter's message, which is pages long."""
    lines = re.findall(r"(?:Select|Custom) ops: (.+)", message)
    operations = sorted({name for line in lines for name in line.split(", ")})
    if shape[1] is None and "TensorListReserve" in message:
        return (
            "The model cannot be converted to LiteRT: an LSTM, GRU or another loop over the tokens requires a fixed length. "
            "For example: sequence_length=128."
        )
    if not operations:
        first = next((line for line in message.splitlines() if line.strip()), "no message")
        return f"The model cannot be converted to LiteRT: {first}."
    where = ", ".join(sorted(set(re.findall(r'"([\w/]+)"', message)))[:3])
    hint = "Replace those layers" + (
        ", or use sequence_length=128: fixed shapes require fewer operations." if shape[1] is None else "."
    )
    return (
        "The model cannot be converted to LiteRT: it requires operations that are not built in: "
        f"{', '.join(operations)}{f' (in {where})' if where else ''}. {hint}"
    )


def _signature(bundle: Bundle, shapes: Mapping[str, tuple[int | None, int | None]], max_length: int) -> dict[str, Any]:
    tokenizer = bundle.tokenizer
    return {
        "signatures": {name: _tensors(bundle.model, shape) for name, shape in shapes.items()},
        "lengths": [length for _, length in shapes.values() if length is not None],
        "task": bundle.task,
        "problem": bundle.metadata["problem"],
        "labels": bundle.metadata["labels"],
        "settings": bundle.settings,
        "decoding": task_of(bundle.metadata).resolve(bundle, max_length),
        "max_length": max_length,
        "pair": bool(bundle.metadata.get("pair")),
        "pad_token_id": tokenizer.pad_token_id,
        "cls_token_id": tokenizer.cls_token_id,
        "sep_token_id": tokenizer.sep_token_id,
        "preprocessing": preprocessing(tokenizer),
    }


def _tensors(model: keras.Model, shape: tuple[int | None, int | None]) -> dict[str, dict[str, Any]]:
    """Shapes and dtypes of a signature's inputs and outputs; -1: any size."""

    def described(sizes, dtype):
        return {"shape": [-1 if size is None else size for size in sizes], "dtype": dtype}

    outputs = {name: (shape[0], *_inner(tensor, shape[1])) for name, tensor in _outputs(model).items()}
    return {
        "inputs": {name: described(shape, "int32") for name in model.input},
        "outputs": {name: described(sizes, "float32") for name, sizes in outputs.items()},
    }


def _outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    return model.output if isinstance(model.output, dict) else {model.output_names[0]: model.output}


def _inner(tensor: keras.KerasTensor, length: int | None) -> list[int | None]:
    """An output's shape without the batch axis; the fixed length of a signature in place of None."""
    return [length if size is None else size for size in tensor.shape[1:]]
