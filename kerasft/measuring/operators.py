"""Operator counts of a LiteRT file, read from the file itself (a flatbuffer)."""

import collections
import os
import struct
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from kerasft.errors import CheckpointError
from kerasft.files import local_path

_BUILTIN_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
_TYPE_NAMES = {value: name.lower() for name, value in vars(schema.TensorType).items() if not name.startswith("_")}
_IDENTIFIER = b"TFL3"  # at byte 4 of every LiteRT file
OF_MAIN = "main"
"""Signature name of the first graph in files without signatures."""


def count_operators(path: str | os.PathLike) -> dict[str, list[dict[str, Any]]]:
    """Count the operators of each signature's graph.

    Args:
        path: The `.tflite` file.

    Returns:
        By signature (`"main"` in a file without signatures) one row per operator and types, most frequent first: `operator`
        (`"FULLY_CONNECTED"`), `types` (of its first input, its constant second input if any, and its output, such as
        `"float32 x int8 -> float32"`) and `count`.

    Raises:
        CheckpointError: If it is not a LiteRT file, or is corrupted.

    Example:

    >>> count_operators("no/such/model.tflite")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/model.tflite is not a LiteRT file: the file does not exist. ...
    """
    model = read_model(path)
    return {name: _rows(model, index) for name, index in signature_graphs(model).items()}


def read_model(path: str | os.PathLike) -> schema.Model:
    """Open a LiteRT file, and check that every operator can be read.

    Raises:
        CheckpointError: If it is not a LiteRT file, or is corrupted.

    Example:

    >>> read_model("no/such/model.tflite")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/model.tflite is not a LiteRT file: the file does not exist. ...
    """
    path = local_path(path)
    content = path.read_bytes() if path.is_file() else b""
    if content[4:8] != _IDENTIFIER:
        reason = f"its bytes 4 to 8 are not {_IDENTIFIER.decode()}" if path.is_file() else "the file does not exist"
        raise CheckpointError(f"{path} is not a LiteRT file: {reason}. Give the path of a .tflite file.")
    try:
        model = schema.Model.GetRootAsModel(content, 0)
        for index in signature_graphs(model).values():
            _rows(model, index)
    except (struct.error, IndexError, KeyError, ValueError, AttributeError, TypeError) as error:
        # Following invalid offsets of a truncated or corrupted flatbuffer can raise any of these.
        raise CheckpointError(f"{path} is corrupted: {error}. Copy or export it again.") from error
    return model


def signature_graphs(model: schema.Model) -> dict[str, int]:
    """The graph index of each signature.

    Example:

    >>> signature_graphs(schema.Model.GetRootAsModel(bytes(16), 0))
    {'main': 0}
    """
    definitions = [model.SignatureDefs(index) for index in range(model.SignatureDefsLength())]
    return {each.SignatureKey().decode(): each.SubgraphIndex() for each in definitions} or {OF_MAIN: 0}


def _rows(model: schema.Model, index: int) -> list[dict[str, Any]]:
    graph = model.Subgraphs(index)
    kinds = collections.Counter(
        (_name(model, operator), _types(model, graph, operator))
        for operator in (graph.Operators(number) for number in range(graph.OperatorsLength()))
    )
    return [{"operator": name, "types": types, "count": count} for (name, types), count in kinds.most_common()]


def _name(model: schema.Model, operator: schema.Operator) -> str:
    code = model.OperatorCodes(operator.OpcodeIndex())
    custom = code.CustomCode()
    # Files from before 2020 have the code in a deprecated one-byte field.
    return custom.decode() if custom else _BUILTIN_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]


def _types(model: schema.Model, graph: schema.SubGraph, operator: schema.Operator) -> str:
    inputs = [graph.Tensors(operator.Inputs(n)) for n in range(operator.InputsLength()) if operator.Inputs(n) >= 0]
    text = _type(inputs[0]) if inputs else ""
    if len(inputs) > 1 and _is_constant(model, inputs[1]):
        text += f" x {_type(inputs[1])}"
    if operator.OutputsLength():
        text += f" -> {_type(graph.Tensors(operator.Outputs(0)))}"
    return text.strip()


def _type(tensor: schema.Tensor) -> str:
    return _TYPE_NAMES[tensor.Type()]


def _is_constant(model: schema.Model, tensor: schema.Tensor) -> bool:
    buffer = model.Buffers(tensor.Buffer())
    return buffer.DataLength() > 0 or buffer.Offset() > 1  # in files over 2 GB, buffers are after the flatbuffer
