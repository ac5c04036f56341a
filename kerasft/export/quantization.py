"""Quantization recipes of LiteRT files, and their requirements.

TensorFlow's converter produces `"float16"` and `"int8"`. Google's `litert-quantizer` produces `"int4"` and `"int8_full"` from the
float32 file. It selects individual operations, while the converter's full-integer mode quantizes all of them, which costs a BERT
5 points and more (docs/mobile.md).
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
With -1e9, all scores would fall on one of the 255 levels. (Google's notes on EdgeTPU-MobileBERT bound the mask too.)"""
MIN_CALIBRATION = 16
"""Minimum number of texts to calibrate activation ranges."""


def check_quantize(quantize: str | None) -> None:
    """Raise if a quantization recipe is invalid or not available.

    Raises:
        KerasftError: If `quantize` is not one of `QUANTIZATIONS`, or its library is not installed.

    Example:

    >>> check_quantize("int8")
    """
    if quantize not in QUANTIZATIONS:
        raise bad_argument("quantize", f"one of {QUANTIZATIONS}", quantize, "int8 is small, exact and fast.")
    if quantize in BY_QUANTIZER and importlib.util.find_spec("litert_quantizer") is None:
        raise KerasftError(
            f'quantize="{quantize}" requires the package litert-quantizer. Install it: pip install "kerasft[mobile]"'
        )


def check_calibration(quantize: str | None, calibration: Sequence | None, lengths: Sequence[int]) -> None:
    """Check the requirements of full-integer quantization: calibration texts and one fixed length.

    Raises:
        KerasftError: If one is missing, or calibration texts are given for another recipe.

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
    """Quantize a float32 LiteRT file in a subprocess.

    Args:
        content: The content of the file.
        quantize: `"int4"` or `"int8_full"`.
        batches: Calibration batches for `"int8_full"`: inputs (1, S) by name.

    Raises:
        ExportError: If the quantization fails, or its process crashed.

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
