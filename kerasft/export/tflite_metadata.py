"""TFLite Metadata: a model description for serving libraries, and associated files.

The format is the `ModelMetadata` table of `metadata_schema.fbs` (https://ai.google.dev/edge/litert/models/metadata), a
flatbuffer stored in the model's buffer TFLITE_METADATA; the associated files are appended to the model as an uncompressed ZIP
archive. The tables are written with `flatbuffers` directly, by the field numbers of that schema.
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
_MIN_PARSER_VERSION = "1.1.0"  # the first with BertTokenizerOptions


def with_metadata(
    content: bytes,
    *,
    name: str,
    inputs: Mapping[str, str],
    output: str,
    vocabulary: str,
    labels: Sequence[str] | None = None,
) -> bytes:
    """Add the metadata of a BERT text model, with vocabulary and labels, to a LiteRT file.

    Args:
        content: The content of the file: one subgraph with one signature.
        name: The display name of the model.
        inputs: Input name in the signature -> input name in the metadata: `ids`, `mask`, `segment_ids`.
        output: Name of the output in the metadata.
        vocabulary: The content of `vocab.txt`.
        labels: Names of the output's last axis.

    Returns:
        The content of the new file, which is also a valid ZIP archive.

    Example:

    >>> with_metadata(b"no model", name="reviews", inputs={}, output="probability", vocabulary="")
    Traceback (most recent call last):
    ...
    ValueError: not a LiteRT file
    """
    if not schema.Model.ModelBufferHasIdentifier(content, 0):
        raise ValueError("not a LiteRT file")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    # The metadata lists tensors in the order of the subgraph, not of the signature.
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
            # A fixed date, so that exports are reproducible.
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
    """Write a table from field number -> offset of an object or (type, value); None is skipped."""
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
