"""TFLite Metadata: model description for libraries that serve it, and associated files.

The format is the `ModelMetadata` table of `metadata_schema.fbs` (https://ai.google.dev/edge/litert/models/metadata), a
flatbuffer kept in the model's buffer named TFLITE_METADATA; the files that it names follow the model as a ZIP archive
without compression. Tables are written here with `flatbuffers` alone, by the numbers of their fields in that schema.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

METADATA_NAME = b"TFLITE_METADATA"
_IDENTIFIER = b"M001"  # of the metadata's own flatbuffer
_LABELS, _VOCABULARY = 2, 5  # AssociatedFileType: TENSOR_AXIS_LABELS, VOCABULARY
_BERT_TOKENIZER = 4  # ProcessUnitOptions: BertTokenizerOptions
_FEATURE = 1  # ContentProperties: FeatureProperties
_MIN_PARSER_VERSION = "1.1.0"  # the first that knows BertTokenizerOptions


def with_metadata(
    content: bytes,
    *,
    name: str,
    inputs: Mapping[str, str],
    output: str,
    vocabulary: str,
    labels: Sequence[str] | None = None,
) -> bytes:
    """Return a LiteRT file with the metadata of a BERT text model, and its vocabulary and labels within.

    Args:
        content: The file: one subgraph with one signature.
        name: The model's name, for people.
        inputs: By the signature's name of an input the metadata's: `ids`, `mask`, `segment_ids`.
        output: The metadata's name of the one output.
        vocabulary: The text of `vocab.txt`.
        labels: Names of the output's last axis.

    Returns:
        The new file, which is a ZIP archive also.

    Example:

    >>> with_metadata(b"no model", name="reviews", inputs={}, output="probability", vocabulary="")
    Traceback (most recent call last):
    ...
    ValueError: not a LiteRT file
    """
    if not schema.Model.ModelBufferHasIdentifier(content, 0):
        raise ValueError("not a LiteRT file")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    # The metadata lists the tensors in the subgraph's order, which is not the signature's.
    names = {tensor.tensorIndex: tensor.name.decode() for tensor in model.signatureDefs[0].inputs}
    ordered = [inputs[names[index]] for index in model.subgraphs[0].inputs]
    files = {"vocab.txt": vocabulary}
    if labels is not None:
        files["labels.txt"] = "".join(f"{label}\n" for label in labels)
    metadata = _model_metadata(name, ordered, output, labels is not None)
    model.metadata = [entry for entry in model.metadata or [] if entry.name != METADATA_NAME]
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name = METADATA_NAME
    entry.buffer = len(model.buffers)
    buffer.data = list(metadata)
    model.metadata.append(entry)
    model.buffers.append(buffer)
    builder = flatbuffers.Builder(len(content) + len(metadata) + 1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return _with_files(bytes(builder.Output()), files)


def packed_files(content: bytes) -> dict[str, str]:
    """Return the text files packed into a LiteRT file, by name.

    Example:

    >>> packed_files(_with_files(b"a model", {"labels.txt": "no"}))
    {'labels.txt': 'no'}
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def _with_files(content: bytes, files: Mapping[str, str]) -> bytes:
    target = io.BytesIO(content)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            # With a date of its own the same model would never be the same file.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text.encode("utf-8"))
    return target.getvalue()


def _model_metadata(name: str, inputs: Sequence[str], output: str, has_labels: bool) -> bytes:
    builder = flatbuffers.Builder(1024)
    vocabulary = _vector(builder, [_file(builder, "vocab.txt", _VOCABULARY)])
    tokenizer = _table(builder, 1, {0: vocabulary})
    unit = _table(builder, 2, {0: ("Uint8", _BERT_TOKENIZER), 1: tokenizer})
    labels = _vector(builder, [_file(builder, "labels.txt", _LABELS)]) if has_labels else None
    subgraph = _table(
        builder,
        10,
        {
            2: _vector(builder, [_tensor(builder, each) for each in inputs]),
            3: _vector(builder, [_tensor(builder, output, labels)]),
            5: _vector(builder, [unit]),
        },
    )
    fields = {0: builder.CreateString(name), 3: _vector(builder, [subgraph])}
    fields[7] = builder.CreateString(_MIN_PARSER_VERSION)
    builder.Finish(_table(builder, 8, fields), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _tensor(builder: flatbuffers.Builder, name: str, files: int | None = None) -> int:
    content = _table(builder, 3, {0: ("Uint8", _FEATURE), 1: _table(builder, 0, {})})
    return _table(builder, 7, {0: builder.CreateString(name), 3: content, 6: files})


def _file(builder: flatbuffers.Builder, name: str, kind: int) -> int:
    return _table(builder, 5, {0: builder.CreateString(name), 2: ("Int8", kind)})


def _table(builder: flatbuffers.Builder, num_fields: int, fields: Mapping[int, Any]) -> int:
    """Write a table: offsets of what was written before, or (type, number), by the field's number; None is left out."""
    builder.StartObject(num_fields)
    for slot, value in fields.items():
        if isinstance(value, tuple):
            kind, number = value
            getattr(builder, f"Prepend{kind}Slot")(slot, number, 0)
        elif value is not None:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return builder.EndObject()


def _vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()
