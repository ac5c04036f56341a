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
_IDENTIFIER = b"TFL3"  # at byte 4 of every such file
OF_MAIN = "main"
"""Signature name of files without signatures: their first graph."""


def count_operators(path: str | os.PathLike) -> dict[str, list[dict[str, Any]]]:
    """Count the operators of each signature's graph.

    Args:
        path: The `.tflite` file.

    Returns:
        By signature (`"main"` in a file that has none) a row for each kind of operator, the most frequent first: `operator`
        (`"FULLY_CONNECTED"`), `types` (of its first input, its constant second input if any, and its output, such as
        `"float32 x int8 -> float32"`) and `count`.

    Raises:
        CheckpointError: If it is no LiteRT file, or a damaged one.

    Example:

    >>> count_operators("no/such/model.tflite")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/model.tflite is not a LiteRT file: the file does not exist. ...
    """
    model = read_model(path)
    return {name: _rows(model, index) for name, index in signature_graphs(model).items()}


def read_model(path: str | os.PathLike) -> schema.Model:
    """Open a LiteRT file and look at every operator once.

    Raises:
        CheckpointError: If it is no LiteRT file, or a damaged one.

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
        # A flatbuffer is offsets to offsets: where the file is cut off or changed, any of these comes of following one.
        raise CheckpointError(f"{path} is corrupted: {error}. Copy or export it again.") from error
    return model


def signature_graphs(model: schema.Model) -> dict[str, int]:
    """The number of each signature's graph.

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
    # Files older than 2020 have the code in a field of one byte only.
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
    return buffer.DataLength() > 0 or buffer.Offset() > 1  # buffers of files over 2 GB lie behind the flatbuffer
