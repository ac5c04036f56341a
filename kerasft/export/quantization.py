"""Quantization recipes of LiteRT files, and their requirements.

`"float16"` and `"int8"` are made by TensorFlow's converter. `"int4"` and `"int8_full"` are made out of the float32 file by
Google's `litert-quantizer`, which chooses per operation: the converter's own full-integer mode has all operations or none,
and with all of them a BERT loses 5 points and more (docs/mobile.md).
"""

import importlib.util
import pathlib
import tempfile
from collections.abc import Sequence

import numpy as np

from kerasft.conversion.steps import run_step
from kerasft.errors import KerasftError, bad_argument
from kerasft.inference.runners import SIGNATURE

QUANTIZATIONS = (None, "float16", "int8", "int4", "int8_full")
BY_QUANTIZER = ("int4", "int8_full")
"""Recipes applied to the float32 file."""
MASK_VALUE = -30.0
"""Added to attention scores of padding in full-integer files: e^-30 is negligible, and the int8 range still resolves the scores.
With -1e9, all 255 steps would be lost. (Google's notes on EdgeTPU-MobileBERT bound the mask too.)"""
MIN_CALIBRATION = 16
"""Minimum number of texts that shows the ranges of a model's activations."""


def check_quantize(quantize: str | None) -> None:
    """Raise if this is no way to quantize.

    Raises:
        KerasftError: If `quantize` is none of `QUANTIZATIONS`, or its library is not installed.

    Example:

    >>> check_quantize("int8")
    """
    if quantize not in QUANTIZATIONS:
        raise bad_argument("quantize", f"one of {QUANTIZATIONS}", quantize, "int8 is small, exact and fast.")
    if quantize in BY_QUANTIZER and importlib.util.find_spec("litert_quantizer") is None:
        raise KerasftError(
            f'quantize="{quantize}" needs the package litert-quantizer. Install it: pip install "kerasft[mobile]"'
        )


def check_calibration(quantize: str | None, calibration: Sequence | None, lengths: Sequence[int]) -> None:
    """Raise if a full-integer file lacks texts to calibrate with or a fixed length, or another file was given such texts.

    Raises:
        KerasftError: If so.

    Example:

    >>> check_calibration("int8", None, ())
    """
    if quantize != "int8_full":
        if calibration is not None:
            raise bad_argument(
                "calibration", 'omitted unless quantize="int8_full"', f"{len(calibration)} texts", "Omit it."
            )
        return
    if calibration is None or len(calibration) < MIN_CALIBRATION:
        raise bad_argument(
            "calibration",
            f"at least {MIN_CALIBRATION} texts of the training set",
            None if calibration is None else f"{len(calibration)}",
            "128 is usual: the activation ranges are measured on them.",
        )
    if len(lengths) != 1:
        raise bad_argument(
            "sequence_length",
            "a single fixed length for a full-integer file",
            lengths or None,
            "Integer-only accelerators require fixed shapes; 64 or 128 is usual.",
        )


def quantize_file(content: bytes, quantize: str, batches: Sequence[dict[str, np.ndarray]] = ()) -> bytes:
    """Quantize a float32 LiteRT file, in a process of its own.

    Args:
        content: The file.
        quantize: `"int4"` or `"int8_full"`.
        batches: Inputs (1, S) by name to measure ranges on, for `"int8_full"`.

    Raises:
        ExportError: If that cannot be done, or the process crashed.

    Example:

    >>> QUANTIZATIONS[3]
    'int4'
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "float32.tflite").write_bytes(content)
        named = {f"{number}/{name}": value for number, batch in enumerate(batches) for name, value in batch.items()}
        np.savez(folder / "batches.npz", **named)
        files = {"file": "float32.tflite", "batches": "batches.npz", "out_file": "quantized.tflite"}
        job = {key: str(folder / name) for key, name in files.items()}
        run_step("quantize", job | {"quantize": quantize, "signature": SIGNATURE})
        return (folder / "quantized.tflite").read_bytes()
