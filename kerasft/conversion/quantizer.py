"""Quantize a float32 LiteRT file to int4 or int8 with Google's `litert-quantizer`, configured per operation."""

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from kerasft.features import PADDING_MASK

# Integer operations of a full-integer file. Not the residual sums and norms: one channel of BERT's residual stream is a hundred
# times larger than the others, which would use only one or two of the 255 levels.
_INTEGER_OPS = (
    "FULLY_CONNECTED",
    "BATCH_MATMUL",
    "SOFTMAX",
    "GELU",
    "TANH",
    "LOGISTIC",
    "RELU",
    "TRANSPOSE",
    "RESHAPE",
)
_BLOCK = 32
_MIN_STEPS = 4  # minimum number of the 255 levels that a typical output value covers


def quantize_file(content: bytes, quantize: str, batches: Sequence[dict[str, np.ndarray]], *, signature: str) -> bytes:
    """Quantize a float32 LiteRT file.

    Args:
        content: The file.
        quantize: `"int4"`: weights in int4 with a scale per block of 32, computed with dynamic int8 activations;
            `"int8_full"`: weights and activations in int8.
        batches: Calibration inputs (1, S) by name, for `"int8_full"`.
        signature: The signature that takes these inputs.
    """
    # Optional dependency, for two quantization recipes only.
    from litert_quantizer import qtyping, quantizer, recipe_manager

    recipe = recipe_manager.RecipeManager()
    calibration = None
    if quantize == "int4":
        blocks = qtyping.QuantGranularity.BLOCKWISE_32
        product = qtyping.TFLOperationName.FULLY_CONNECTED
        recipe.add_dynamic_config(regex=".*", operation_name=product, num_bits=4, granularity=blocks)
        for name in _odd_products(content):
            recipe.add_dynamic_config(regex=f"^{re.escape(name)}", operation_name=product, num_bits=8)
    else:
        ranges = _Ranges(content, batches, signature)
        for name in _INTEGER_OPS:
            operation = qtyping.TFLOperationName[name]
            recipe.add_static_config(regex=".*", operation_name=operation, activation_num_bits=8, weight_num_bits=8)
        for pattern in ranges.coarse():
            recipe.add_dynamic_config(
                regex=pattern, operation_name=qtyping.TFLOperationName.FULLY_CONNECTED, num_bits=8
            )
        calibration = ranges.as_calibration()
    worker = quantizer.Quantizer(bytearray(content), recipe.get_quantization_recipe())
    with _quiet():
        return bytes(worker.quantize(calibration).quantized_model)


# The interpreter has no public list of operations; `_get_ops_details` is tested with ai-edge-litert 1.1.2 to 2.3.0.
def _odd_products(content: bytes) -> list[str]:
    """Matrix products whose rows are not divisible into blocks of 32: they use int8."""
    interpreter = Interpreter(model_content=content)
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    products = [each for each in interpreter._get_ops_details() if each["op_name"] == "FULLY_CONNECTED"]
    odd = [each for each in products if tensors[each["inputs"][1]]["shape"][-1] % _BLOCK]
    return [tensors[each["outputs"][0]]["name"] for each in odd]


class _Ranges:
    """Minimum and maximum of every tensor of a float file over some batches."""

    def __init__(self, content: bytes, batches: Sequence[dict[str, np.ndarray]], signature: str):
        # All tensors keep their values so that they can be read after a run.
        with _quiet():
            interpreter = Interpreter(model_content=content, experimental_preserve_all_tensors=True)
            run = interpreter.get_signature_runner(signature)
        inputs = list(run.get_input_details())
        operations = interpreter._get_ops_details()
        activations = {int(index) for each in operations for index in each["outputs"]}  # the others are weights
        self._dense = {int(each["outputs"][0]) for each in operations if each["op_name"] == "FULLY_CONNECTED"}
        self._symmetric = _second_factors(interpreter, operations)
        tensors = [
            tensor
            for tensor in interpreter.get_tensor_details()
            if tensor["index"] in activations and tensor["dtype"] == np.float32
        ]
        self._limits: dict[str, list[float]] = {}
        self._typical: dict[str, list[float]] = {}
        for batch in batches:
            batch = _without_padding(batch)
            run(**{name: batch[name] for name in inputs})
            for tensor in tensors:
                try:
                    values = interpreter.get_tensor(tensor["index"])
                except ValueError:  # part of a fused operation, without values
                    continue
                if values.size == 0:
                    continue
                low, high = self._limits.get(tensor["name"], (np.inf, -np.inf))
                self._limits[tensor["name"]] = [min(low, float(values.min())), max(high, float(values.max()))]
                if tensor["index"] in self._dense:
                    self._typical.setdefault(tensor["name"], []).append(float(np.median(np.abs(values))))

    def as_calibration(self) -> dict[str, dict[str, Any]]:
        """The ranges in the format of `litert-quantizer`."""
        ranges = {}
        for name, (low, high) in self._limits.items():
            if name in self._symmetric:
                high = max(-low, high)
                low = -high * 128 / 127
            ranges[name] = {"min": np.array([[low]], np.float32), "max": np.array([[high]], np.float32)}
        return ranges

    def coarse(self) -> list[str]:
        """Patterns of the matrix products whose typical output covers less than `_MIN_STEPS` int8 levels.

        They keep int8 weights and int8 products, but with dynamic input ranges and float outputs.
        """
        patterns = []
        for name, typical in self._typical.items():
            low, high = self._limits[name]
            if np.median(typical) * 255 < _MIN_STEPS * (high - low):
                patterns.append(f"^{re.escape(name)}")
        return patterns


def _second_factors(interpreter: Interpreter, operations: Sequence[dict]) -> set[str]:
    """Tensors that are the second factor of a batched product.

    XNNPACK accepts an int8 product only if its zero point is 0: otherwise the file is three times slower.
    """
    names = {tensor["index"]: tensor["name"] for tensor in interpreter.get_tensor_details()}
    producers = {int(index): each for each in operations for index in each["outputs"]}
    factors = set()
    for each in operations:
        index = int(each["inputs"][1]) if each["op_name"] == "BATCH_MATMUL" else None
        while index is not None:
            factors.add(names[index])
            producer = producers.get(index)
            is_view = producer is not None and producer["op_name"] in ("TRANSPOSE", "RESHAPE")
            index = int(producer["inputs"][0]) if is_view else None
    return factors


def _without_padding(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Replace padding by the text's own tokens, still masked.

    The activations of padding have no effect but are outliers: they must not widen the ranges.
    """
    filled = dict(batch)
    real = np.flatnonzero(batch[PADDING_MASK][0])
    positions = real[np.arange(batch[PADDING_MASK].shape[1]) % len(real)]
    for name, values in batch.items():
        if name != PADDING_MASK:
            filled[name] = values[:, positions]
    return filled


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the library's progress bars, tables and log, and the interpreter's warning about keeping all tensors."""
    disabled = logging.root.manager.disable
    logging.disable(max(disabled, logging.INFO))
    with (
        contextlib.ExitStack() as after,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        after.callback(logging.disable, disabled)
        warnings.simplefilter("ignore")
        yield
