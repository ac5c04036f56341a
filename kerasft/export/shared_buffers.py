"""One copy in a LiteRT file of numbers that stand in it twice."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_ALIGNMENT = 16  # of a buffer, as the format's schema says
_IDENTIFIER = b"TFL3"


class _Builder(flatbuffers.Builder):
    """Aligns vectors, which the generated code does by their elements only."""

    def StartVector(self, elemSize, numElems, alignment):
        """Begin a vector."""
        return super().StartVector(elemSize, numElems, max(alignment, _ALIGNMENT))


def share_buffers(content: bytes, *, least_bytes: int = 1024) -> bytes:
    """Let tensors whose buffers are equal share one: the int8 table of a language model is looked up and multiplied by.

    Args:
        content: The file.
        least_bytes: Smaller buffers stay as they are.

    Returns:
        The file, shorter where something was found.

    Example:

    >>> model = schema.ModelT()
    >>> model.version, model.subgraphs = 3, [schema.SubGraphT()]
    >>> model.buffers, model.subgraphs[0].tensors = [schema.BufferT()], []
    >>> for number in (1, 2):
    ...     tensor, buffer = schema.TensorT(), schema.BufferT()
    ...     tensor.buffer, buffer.data = number, np.ones(5000, np.uint8)
    ...     model.subgraphs[0].tensors.append(tensor)
    ...     model.buffers.append(buffer)
    >>> len(share_buffers(packed(model))) < 6000 < len(packed(model))
    True
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    first: dict[bytes, int] = {}
    same: dict[int, int] = {}
    for number, buffer in enumerate(model.buffers):
        if buffer.data is not None and len(buffer.data) >= least_bytes:
            data = np.asarray(buffer.data, np.uint8).tobytes()
            kept = first.setdefault(data, number)
            if kept != number:
                same[number], buffer.data = kept, None
    if not same:
        return content
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            tensor.buffer = same.get(tensor.buffer, tensor.buffer)
    return packed(model)


def packed(model: schema.ModelT) -> bytes:
    """Return a model as a file's content.

    Example:

    >>> packed(schema.ModelT())[4:8]
    b'TFL3'
    """
    builder = _Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())
