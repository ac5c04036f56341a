"""Checks of exported models, which are programs: the operations of a SavedModel, and the tables of a LiteRT file."""

import math
import os
import pathlib
import struct
from collections.abc import Iterable

from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.lite.python import schema_py_generated as schema

from kerasft.security.trust import damaged, is_trusted, refuse

# Allowed operations: arithmetic, shapes, strings. Nothing that opens a file or a connection, calls Python, or loads a library.
# TensorFlow has hundreds of those, and more in each version, hence an allowlist.
_NAMES = """
    Abs Add AddN AddV2 All Any ArgMax ArgMin Assert AssignVariableOp AvgPool BatchMatMulV2 BatchMatMulV3 BatchToSpaceND
    BiasAdd Bincount BroadcastArgs BroadcastTo CaseFoldUTF8 Cast Ceil ClipByValue ConcatV2 Const Conv2D Cos Cumprod Cumsum
    DenseBincount DepthwiseConv2dNative DisableCopyOnRead Einsum Elu EnsureShape Equal Erf Erfc Exp ExpandDims Expm1
    FastSentencepieceTokenizer FastWordpieceTokenizeWithOffsets Fill Floor FloorDiv FloorMod FusedBatchNormV3 Gather
    GatherNd GatherV2 Greater GreaterEqual HashTableV2 Identity IdentityN If InvertPermutation IsFinite IsInf IsNan L2Loss
    LeakyRelu Less LessEqual LinSpace Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr LookupTableFindV2
    LookupTableImportV2 LookupTableSizeV2 MatMul MatrixBandPart Max MaxPool Maximum Mean Min Minimum Mul Neg NoOp
    NormalizeUTF8 NormalizeUTF8WithOffsetsMap NotEqual OneHot OnesLike Pack Pad PadV2 PartitionedCall Placeholder
    PlaceholderWithDefault Pow Prod RaggedBincount RaggedGather RaggedRange RaggedTensorToSparse RaggedTensorToTensor
    RaggedTensorToVariant Range Rank ReadVariableOp RealDiv Reciprocal RegexFullMatch RegexReplace Relu Relu6 Reshape
    ResourceGather ReverseSequence ReverseV2 Round Rsqrt ScatterNd Select SelectV2 Selu SentencepieceDetokenizeOp
    SentencepieceOp SentencepieceTokenizeOp SentencepieceTokenizeWithOffsetsOp Shape ShapeN Sigmoid Sign Sin Size Slice
    Softmax Softplus Softsign SpaceToBatchND Split SplitV Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall
    StatelessIf StatelessWhile StaticRegexFullMatch StaticRegexReplace StopGradient StridedSlice StringFormat StringJoin
    StringLength StringLower StringSplitV2 StringStrip StringToHashBucketFast StringUpper Sub Substr Sum Tanh
    TensorListFromTensor TensorListGetItem TensorListLength TensorListReserve TensorListSetItem TensorListStack
    TensorScatterUpdate Tile TopKV2 Transpose UnicodeDecode UnicodeDecodeWithOffsets UnicodeEncode UnicodeScript
    UnicodeTranscode Unpack UnsortedSegmentSum VarHandleOp VarIsInitializedOp Where While WhitespaceTokenizeWithOffsetsV2
    WordpieceTokenizeWithOffsets XdivY Xlogy ZerosLike
"""
_OPERATIONS = frozenset(_NAMES.split())
# Operations that read and write a SavedModel's own weights, in functions that loading does not call.
_SAVER = frozenset(["MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"])


def check_saved_model(folder: str | os.PathLike) -> None:
    """Check a SavedModel's operations, unless within `trust`.

    Args:
        folder: Contains `saved_model.pb`.

    Raises:
        CheckpointError: If an operation is not allowed, or the file is corrupted.

    Example:

    >>> check_saved_model("no/such/folder")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/folder/saved_model.pb cannot be read as a SavedModel: ...
    """
    if is_trusted():
        return
    path = pathlib.Path(folder) / "saved_model.pb"
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf has its own error types
        raise damaged(path, "a SavedModel", error) from error
    for graph in model.meta_graphs:
        library = {function.signature.name: function.node_def for function in graph.graph_def.library.function}
        called = {name for nodes in library.values() for node in nodes for name in _called(node)}
        savers = _saver_functions(graph) - called
        for name, nodes in {**library, "": graph.graph_def.node}.items():
            allowed = _OPERATIONS | _SAVER if name in savers else _OPERATIONS
            forbidden = sorted({node.op for node in nodes} - allowed - library.keys())
            if forbidden:
                raise refuse(
                    path, f"contains operations that do more than compute, or are unknown ({', '.join(forbidden[:5])})"
                )
        for item in graph.object_graph_def.nodes:
            if item.WhichOneof("kind") == "function" and savers & set(item.function.concrete_functions):
                raise refuse(path, "exposes its functions that read and write files")


def _saver_functions(graph) -> set[str]:
    # TensorFlow calls them through the graph nodes in `saver_def`.
    entries = {graph.saver_def.save_tensor_name.split(":")[0], graph.saver_def.restore_op_name.split(":")[0]}
    signatures = {
        tensor.name.split(":")[0] for signature in graph.signature_def.values() for tensor in signature.outputs.values()
    }
    nodes = {node.name: node for node in graph.graph_def.node}
    return {name for entry in entries - signatures if entry in nodes for name in _called(nodes[entry])}


def _called(node) -> Iterable[str]:
    for value in node.attr.values():
        if value.func.name:
            yield value.func.name
        yield from (function.name for function in value.list.func)


def check_litert_file(path: str | os.PathLike) -> None:
    """Check the tables of a LiteRT file, unless within `trust`: every index and offset must be within the file.

    The interpreter does not check them: a single corrupted value can crash the process.

    Args:
        path: The `.tflite` file.

    Raises:
        CheckpointError: If it is not a LiteRT file, or an index or offset is out of range.

    Example:

    >>> _ = pathlib.Path("cut.tflite").write_bytes(b"....TFL3")
    >>> check_litert_file(pathlib.Path("cut.tflite"))
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: ...cut.tflite cannot be read as a LiteRT file: ...
    """
    if is_trusted():
        return
    path = pathlib.Path(path)
    try:
        content = path.read_bytes()
        if content[4:8] != b"TFL3":
            raise ValueError("invalid file header")
        _check_tables(schema.Model.GetRootAs(content), content)
    except (OSError, ValueError, IndexError, TypeError, OverflowError, struct.error, AssertionError) as error:
        raise damaged(path, "a LiteRT file", error) from error


def _check_tables(model, content: bytes) -> None:
    size = len(content)
    _must(model.Version() == 3, f"its version is {model.Version()}, not 3")
    _must(0 < model.SubgraphsLength() <= 1000, f"it has {model.SubgraphsLength()} graphs")
    _must(
        model.BuffersLength() <= size // 4 and model.OperatorCodesLength() <= size // 4,
        "a table is longer than the file",
    )
    for number in range(model.BuffersLength()):
        buffer = model.Buffers(number)
        if buffer.DataLength():
            start = buffer._tab.Vector(buffer._tab.Offset(4))
            _must(
                start >= 0 and start + buffer.DataLength() <= size, f"buffer {number} extends past the end of the file"
            )
        if hasattr(buffer, "Size") and buffer.Size():  # in files over 2 GB
            _must(buffer.Offset() + buffer.Size() <= size, f"buffer {number} extends past the end of the file")
    for graph in (model.Subgraphs(number) for number in range(model.SubgraphsLength())):
        _check_graph(graph, model, size)


# Bits per value, by the schema's TensorType.
_BITS = {
    0: 32,
    1: 16,
    2: 32,
    3: 8,
    4: 64,
    6: 8,
    7: 16,
    9: 8,
    10: 64,
    15: 32,
    16: 16,
    17: 4,
}


def _check_graph(graph, model, size: int) -> None:
    count = graph.TensorsLength()
    _must(count <= size // 4 and graph.OperatorsLength() <= size // 4, "a table is longer than the file")
    for number in range(count):
        tensor = graph.Tensors(number)
        _must(tensor.Buffer() < model.BuffersLength(), f"tensor {number} has buffer {tensor.Buffer()}")
        shape = [tensor.Shape(axis) for axis in range(_length(tensor.ShapeLength(), size))]
        _must(all(0 <= length < 2**31 for length in shape), f"tensor {number} has the shape {shape}")
        stored = model.Buffers(tensor.Buffer()).DataLength()
        _must(
            not stored or math.prod(shape) * _BITS.get(tensor.Type(), 0) <= 8 * stored, f"tensor {number} is truncated"
        )
    tensors = [graph.Inputs(number) for number in range(_length(graph.InputsLength(), size))]
    tensors += [graph.Outputs(number) for number in range(_length(graph.OutputsLength(), size))]
    _must(all(0 <= tensor < count for tensor in tensors), "an input or output is not a tensor")
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        _must(operator.OpcodeIndex() < model.OperatorCodesLength(), f"operation {number} has no operator code")
        tensors = [operator.Inputs(index) for index in range(_length(operator.InputsLength(), size))]
        _must(
            all(-1 <= tensor < count for tensor in tensors), f"an input of operation {number} is not a tensor"
        )  # -1: omitted
        tensors = [operator.Outputs(index) for index in range(_length(operator.OutputsLength(), size))]
        _must(all(0 <= tensor < count for tensor in tensors), f"an output of operation {number} is not a tensor")


def _length(length: int, size: int) -> int:
    _must(length <= size // 4, "a table is longer than the file")
    return length


def _must(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)
