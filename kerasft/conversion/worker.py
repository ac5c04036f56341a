"""Subprocess that runs one step of an export: `python -m kerasft.conversion.worker JOB`, see `measuring/subprocess_job.py`."""

import contextlib
import json
import os
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasft.conversion.quantizer import quantize_file
from kerasft.measuring.subprocess_job import answer


def convert(job: dict[str, Any]) -> dict[str, Any]:
    """Convert a SavedModel to LiteRT with TensorFlow's converter, with built-in operations only.

    Args:
        job: `folder`, the SavedModel; `signatures`; `quantize`: None, `"float16"` or `"int8"`; `out_file`.

    Returns:
        An empty dictionary, or the converter's (long) error message as `refused`.

    Example:

    >>> sorted(convert({"folder": "no/such/folder", "signatures": [], "quantize": None, "out_file": "x.tflite"}))
    ['refused']
    """
    import tensorflow as tf  # imported here because it takes seconds, and the other steps do not need it

    try:
        # From a SavedModel: the converter's Keras entry point fails with Keras 3, and unfrozen concrete functions give a file
        # without weights that silently returns NaN.
        converter = tf.lite.TFLiteConverter.from_saved_model(job["folder"], signature_keys=job["signatures"])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if job["quantize"]:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if job["quantize"] == "float16":
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
    except Exception as error:  # the converter's own ConverterError is not public
        return {"refused": str(error) or type(error).__name__}
    pathlib.Path(job["out_file"]).write_bytes(content)
    return {}


def quantize(job: dict[str, Any]) -> dict[str, Any]:
    """Quantize a float32 LiteRT file; see `kerasft.conversion.quantizer.quantize_file`.

    Args:
        job: `file`, `quantize`, `signature`; `batches`, an `.npz` file of each batch's arrays as `NUMBER/NAME`; `out_file`.
    """
    with np.load(job["batches"], allow_pickle=False) as arrays:
        numbers = sorted({int(key.partition("/")[0]) for key in arrays})
        batches = [
            {key.partition("/")[2]: arrays[key] for key in arrays if key.startswith(f"{number}/")} for number in numbers
        ]
    content = pathlib.Path(job["file"]).read_bytes()
    quantized = quantize_file(content, job["quantize"], batches, signature=job["signature"])
    pathlib.Path(job["out_file"]).write_bytes(quantized)
    return {}


def pack(job: dict[str, Any]) -> dict[str, Any]:
    """Pack a LiteRT file, its tokenizer and LiteRT-LM's metadata into a `.litertlm` container.

    Args:
        job: `file`, `tokenizer`, `metadata` (files), `out_file`.
    """
    from litert_lm_builder import litertlm_builder as module  # optional dependency, for this container only

    builder = module.LitertLmFileBuilder()
    builder.add_system_metadata(module.Metadata(key="Authors", value="kerasft", dtype=module.DType.STRING))
    builder.add_llm_metadata(job["metadata"])
    builder.add_tflite_model(job["file"], module.TfLiteModelType.PREFILL_DECODE)
    builder.add_hf_tokenizer(job["tokenizer"])
    with pathlib.Path(job["out_file"]).open("wb") as stream:
        builder.build(stream)
    return {}


STEPS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"convert": convert, "quantize": quantize, "pack": pack}
"""Conversion steps by name, see `kerasft.conversion.steps.run_step`."""


if __name__ == "__main__":
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the parent process has allocated the GPU's memory
    with contextlib.suppress(OSError):  # if memory runs out, Linux kills this process instead of the user's
        pathlib.Path("/proc/self/oom_score_adj").write_text("500")
    task = json.loads(sys.argv[1])
    answer(task, STEPS[task["step"]](task))
