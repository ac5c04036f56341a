"""Write a bundle as a LiteRT (TFLite) folder for phones: built-in operations only, measured before it is kept."""

import dataclasses
import hashlib
import os
import pathlib
import re
import tempfile
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasft.bundles import Bundle
from kerasft.errors import ExportError, bad_argument
from kerasft.export.folders import (
    REPORT_FILE,
    checked_length,
    open_bundle,
    target_folder,
    write_companions,
    write_json,
)
from kerasft.export.int8_embedding import with_int8_embeddings
from kerasft.export.runners import LITERT_FILE, SIGNATURE
from kerasft.export.saved_model import write_graph
from kerasft.export.verify import check_report, sample_texts, verify
from kerasft.files import written_aside

SIGNATURE_FILE = "signature.json"
QUANTIZATIONS = (None, "float16", "int8")
_TOLERANCE = 1e-3  # float32 only; the measured differences are below 1e-5


def litert(
    bundle: Bundle | str | os.PathLike,
    folder: str | os.PathLike | None = None,
    *,
    quantize: str | None = None,
    sequence_length: int | None = None,
    texts: Sequence[str | tuple[str, str]] | None = None,
    gold: Sequence[Any] | None = None,
    min_agreement: float | None = None,
) -> dict[str, Any]:
    """Write a bundle as a LiteRT folder, and verify the file in the LiteRT interpreter.

    The folder holds `model.tflite`, the tokenizer's files, `labels.txt`, `signature.json` (names, shapes and dtypes of
    inputs and outputs, and how texts become inputs), `kerasft.json` and `report.json`. The file needs built-in operations
    only (no Flex). Address its inputs and outputs by the names of the signature `serving_default`: their order differs.

    Args:
        bundle: The bundle or its folder.
        folder: Where to write; `None`: `litert_float32` (or `_float16`, `_int8`) within the bundle's folder. An older export
            there is replaced.
        quantize: `None`: float32. `"float16"`: weights of half the size, computed in float32. `"int8"`: weights of a quarter
            of the size, computed in int8 with dynamic ranges; fastest on phones' CPUs.
        sequence_length: Fixed length S, with batch size 1, for runtimes that resize no inputs; `None`: any batch and length.
        texts: Texts (or tuples of two) to verify on; `None`: a built-in sample of plain and hostile texts.
        gold: Their right answers, to report accuracy; see `verify`.
        min_agreement: Smallest share of texts, from 0 to 1, on which file and model must answer alike. `None`: 0.9 where the
            caller gave texts, else 0: the built-in texts are far from what the model knows. A float32 file must besides
            equal the model within 1e-3.

    Returns:
        The report, as `verify` makes it, with `folder`; also written to `report.json`.

    Raises:
        ExportError: If the model needs operations that LiteRT has not, or the written file answers wrongly. Nothing is left
            behind then.
        KerasftError: If an argument is not one of the above, or the folder holds something else.

    Example:

    >>> import tempfile
    >>> from tests import tiny
    >>> metadata = {"labels": ["no", "yes"], "problem": "single_label", "max_length": 16, "pair": False}
    >>> bundle = Bundle(tiny.classifier(["no", "yes"]), tiny.tokenizer(), metadata)
    >>> report = litert(bundle, tempfile.mkdtemp() + "/phone", texts=["a good film"])
    >>> report["agreement"], report["size_bytes"] < 100_000
    (1.0, True)
    """
    if quantize not in QUANTIZATIONS:
        raise bad_argument("quantize", f"one of {QUANTIZATIONS}", quantize, "int8 is the smallest and fastest.")
    if min_agreement is not None and not 0 <= min_agreement <= 1:
        raise bad_argument("min_agreement", "a share from 0 to 1", min_agreement, "0.9 is usual.")
    folder = target_folder(bundle, folder, f"litert_{quantize or 'float32'}")
    bundle = open_bundle(bundle)
    max_length = checked_length(bundle, sequence_length)
    if min_agreement is None:
        min_agreement = 0.9 if texts is not None else 0.0
    texts = sample_texts(bundle, texts)
    shape = (None, None) if sequence_length is None else (1, sequence_length)
    with written_aside(folder) as aside:
        content = _convert(bundle, shape, quantize)
        (aside / LITERT_FILE).write_bytes(content)
        facts = {"format": "litert", "quantize": quantize, "max_length": max_length, "sequence_length": sequence_length}
        write_companions(aside, bundle, **facts, sha256=hashlib.sha256(content).hexdigest())
        write_json(aside / SIGNATURE_FILE, _signature(bundle, shape, max_length))
        report = {"format": "litert", "quantize": quantize, "folder": str(folder)}
        report |= verify(bundle, aside, texts, gold=gold)
        check_report(report, tolerance=None if quantize else _TOLERANCE, min_agreement=min_agreement)
        write_json(aside / REPORT_FILE, report)
    return report


def _convert(bundle: Bundle, shape: tuple[int | None, int | None], quantize: str | None) -> bytes:
    with tempfile.TemporaryDirectory() as temporary:
        # By way of a SavedModel: the converter's Keras entry fails with Keras 3, and a file from unfrozen concrete
        # functions has no weights in it and answers NaN without an error.
        if quantize == "int8":
            bundle = dataclasses.replace(bundle, model=with_int8_embeddings(bundle.model))
        write_graph(bundle, pathlib.Path(temporary), shape, only_logits=True)
        converter = tf.lite.TFLiteConverter.from_saved_model(temporary, signature_keys=[SIGNATURE])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantize:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        try:
            return converter.convert()
        except Exception as error:  # the converter's own ConverterError is not public
            raise ExportError(_conversion_message(str(error), shape)) from error


def _conversion_message(message: str, shape: tuple[int | None, int | None]) -> str:
    """Name the operations that LiteRT has not, out of the converter's pages of text."""
    lines = re.findall(r"(?:Select|Custom) ops: (.+)", message)
    operations = sorted({name for line in lines for name in line.split(", ")})
    if not operations:
        first = next((line for line in message.splitlines() if line.strip()), "no message")
        return f"The model can't be converted to LiteRT: {first}."
    where = ", ".join(sorted(set(re.findall(r'"([\w/]+)"', message)))[:3])
    hint = "Replace those layers" + (
        ", or give sequence_length=128: fixed shapes need fewer." if shape[1] is None else "."
    )
    return (
        "The model can't be converted to LiteRT: it needs operations that are not built in: "
        f"{', '.join(operations)}{f' (in {where})' if where else ''}. {hint}"
    )


def _signature(bundle: Bundle, shape: tuple[int | None, int | None], max_length: int) -> dict[str, Any]:
    size = [-1 if value is None else value for value in shape]
    tokenizer = bundle.tokenizer
    return {
        "signature": SIGNATURE,
        "inputs": {name: {"shape": size, "dtype": "int32"} for name in bundle.model.input},
        "outputs": {
            name: {"shape": [-1 if n is None else n for n in (size[0], *_inner(tensor, shape[1]))], "dtype": "float32"}
            for name, tensor in _outputs(bundle.model).items()
        },
        "task": bundle.task,
        "problem": bundle.metadata["problem"],
        "labels": bundle.metadata["labels"],
        "settings": bundle.settings,
        "max_length": max_length,
        "pair": bool(bundle.metadata.get("pair")),
        "pad_token_id": tokenizer.pad_token_id,
        "cls_token_id": tokenizer.cls_token_id,
        "sep_token_id": tokenizer.sep_token_id,
    }


def _outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    return model.output if isinstance(model.output, dict) else {model.output_names[0]: model.output}


def _inner(tensor: keras.KerasTensor, length: int | None) -> list[int | None]:
    """The axes of an output after the batch's; the length of a fixed signature in the place of the open one."""
    return [length if size is None else size for size in tensor.shape[1:]]
