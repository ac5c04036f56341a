"""Source and target texts: translation, summarization and other text-to-text tasks."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft.data.batches.batching import Batching
from kerasft.data.batches.paired_store import PairedStore
from kerasft.data.batches.token_dataset import token_dataset
from kerasft.data.readers.columns import find_columns
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.encoding.token_store import Encoder, tokenize
from kerasft.errors import bad_argument, bad_data
from kerasft.features import is_unicode

SOURCE_NAMES = ("source", "text", "document", "article", "dialogue", "input", "question", "concepts")
"""Detected names of the source column, in order of precedence."""

TARGET_NAMES = ("target", "summary", "translation", "output", "highlights", "answer", "reference", "label")
"""Detected names of the target column, in order of precedence."""


_ROLES = {"source": "text", "target": "label"}
"""Column roles -> the names that `find_columns` (designed for classifiers) uses."""


class SourcesAndReferences(NamedTuple):
    """Source texts with their references.

    Example:

    >>> SourcesAndReferences(["Hello."], [["Bonjour.", "Salut."]]).references[0][1]
    'Salut.'
    """

    sources: list[str]
    references: list[list[str]]
    """One or more targets per row."""


def sequence_to_sequence(
    source: object,
    tokenizer: PreTrainedTokenizerFast,
    *,
    columns: Mapping[str, object] | None = None,
    prefix: str = "",
    max_source_length: int | None = None,
    max_target_length: int | None = None,
    batch_size: int | Batching = 32,
    shuffle: bool = False,
    seed: int = 0,
) -> tf.data.Dataset:
    """Return a dataset for training an encoder-decoder model such as T5.

    If a row has several references, the first one is the target; `each_reference` makes one row per reference.

    Args:
        source: Path, glob pattern or list of paths of .csv, .tsv, .jsonl, .parquet or .tfrecord files; or rows: a list of
            dictionaries or of `(source, target)` tuples, or a DataFrame. If a source is a list of sentences, they are joined
            by spaces; a target may be a list of references.
        tokenizer: The checkpoint's fast tokenizer, which appends its end token to every text.
        columns: `{"source": ..., "target": ...}`: column names, or 0-based indices for a file without header. Other columns
            are detected by the usual names.
        prefix: Prepended to every source, such as `"translate English to French: "` (https://arxiv.org/abs/1910.10683).
        max_source_length: Maximum tokens per source, including the end token; default 128, or the tokenizer's limit if
            lower.
        max_target_length: Maximum tokens per target. Warnings give the numbers of truncated sources and targets.
        batch_size: Rows per batch, or a `Batching`, whose token budget counts sources and targets, including padding.
        shuffle: Make new batches of rows of similar lengths in a new order every epoch; otherwise keep the source's order.
        seed: Random seed for shuffling.

    Returns:
        A `tf.data.Dataset` of `(features, y, sample_weight)`; `len()` is exact. Features are int32: `encoder_token_ids`,
        `encoder_padding_mask` (B, S); `decoder_token_ids` (the target, shifted right by the start token, which is the padding
        token for T5) and `decoder_padding_mask` (B, T). y is the target with its end token, int32 (B, T); the weights,
        float32 (B, T), are 0 for padding.

    Raises:
        DataError: If the data is invalid; the message gives the file, line and value.
        KerasftError: If an argument is out of range.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> rows = [("a good film", "good"), ("a bad film", "bad")]
    >>> features, y, weight = next(iter(sequence_to_sequence(rows, tokenizer, prefix="judge: ", batch_size=2)))
    >>> sorted(features), y.shape == weight.shape == features["decoder_token_ids"].shape
    (['decoder_padding_mask', 'decoder_token_ids', 'encoder_padding_mask', 'encoder_token_ids'], True)
    """
    batching = Batching.of(batch_size)
    sources, references = sources_and_references(source, columns=columns)
    if not isinstance(prefix, str) or not is_unicode(prefix):
        raise bad_argument("prefix", "a string", prefix, 'Use "" for no prefix.')
    encoders = source_encoder(tokenizer, max_source_length), target_encoder(tokenizer, max_target_length)
    store = PairedStore(
        tokenize(encoders[0], [prefix + text for text in sources]),
        tokenize(encoders[1], [texts[0] for texts in references]),
        start_token_id(tokenizer),
    )
    return token_dataset(store, batching, y=None, shuffle=shuffle, seed=seed)


def sources_and_references(source: object, *, columns: Mapping[str, object] | None = None) -> SourcesAndReferences:
    """Read sources and references, for pipelines and evaluation.

    Args:
        source: See `sequence_to_sequence`.
        columns: See `sequence_to_sequence`.

    Returns:
        N sources, without prefix, and one or more references for each.

    Raises:
        DataError: If the source cannot be read, or a text is missing, empty or not valid Unicode.

    Example:

    >>> sources_and_references([("Hello.", "Bonjour."), ("Thanks.", ["Merci.", "Merci bien."])]).references
    [['Bonjour.'], ['Merci.', 'Merci bien.']]
    """
    rows = read_sources(source, columns)
    source_column, target_column = str(rows.roles["text"]), str(rows.roles["label"])
    sources = []
    references = []
    for row, (text, target) in enumerate(zip(rows.columns[source_column], rows.columns[target_column])):
        if isinstance(text, list | tuple) and all(isinstance(part, str) for part in text):
            text = " ".join(text)
        sources.append(_checked(rows, row, source_column, text))
        several = isinstance(target, list | tuple)
        if several and not target:
            raise rows.error(row, f"column {target_column!r} has no reference", fix="Add at least one.", value=target)
        references.append([_checked(rows, row, target_column, item) for item in (target if several else [target])])
    return SourcesAndReferences(sources, references)


def each_reference(source: object, *, columns: Mapping[str, object] | None = None) -> Rows:
    """Make one row per reference, to train on all of them.

    Args:
        source: See `sequence_to_sequence`.
        columns: See `sequence_to_sequence`.

    Returns:
        Rows with one target each, for use as source of `sequence_to_sequence`.

    Raises:
        DataError: See `sources_and_references`.

    Example:

    >>> each_reference([("Thanks.", ["Merci.", "Merci bien."])]).columns
    {'source': ['Thanks.', 'Thanks.'], 'target': ['Merci.', 'Merci bien.']}
    """
    rows = read_sources(source, columns)
    sources, references = sources_and_references(rows)
    repeated = rows.take([row for row, texts in enumerate(references) for _ in texts])
    pairs = [(text, target) for text, targets in zip(sources, references) for target in targets]
    texts, targets = map(list, zip(*pairs))
    return Rows({"source": texts, "target": targets}, repeated.files, repeated.file_ids, repeated.lines)


def read_sources(source: object, columns: Mapping[str, object] | None = None) -> Rows:
    """Read rows and assign their source and target columns, so that later calls need no `columns`.

    Args:
        source: See `sequence_to_sequence`.
        columns: See `sequence_to_sequence`. Also accepts `"text"` and `"label"`, the names in the command line of all tasks.

    Raises:
        DataError: If the source cannot be read, or a column is missing.

    Example:

    >>> read_sources({"article": ["A long text."], "summary": ["Text."]}).roles
    {'text': 'article', 'label': 'summary'}
    """
    columns = {} if columns is None else columns
    if not isinstance(columns, Mapping) or set(columns) - {*_ROLES, *_ROLES.values()}:
        raise bad_argument(
            "columns",
            f"a dictionary with keys among {list(_ROLES)}",
            columns,
            'For example: columns={"source": "article", "target": "summary"}, or indices for a file without header.',
        )
    given = {_ROLES.get(name, name): column for name, column in columns.items()}
    rows = read_rows(source, given)
    given = {**(rows.roles or {}), **given}
    given["text"] = find_source(rows, given)
    if given.get("label") is None:
        given["label"] = _usual(rows, "target", TARGET_NAMES, taken=given["text"])
    roles = find_columns(rows, {role: _number(rows, given[role]) for role in _ROLES.values()})
    return replace(rows, roles=roles.as_columns(named=rows.named))


def find_source(rows: Rows, columns: Mapping[str, object]) -> str:
    """Return the name of the source column: `"text"` of `columns` if set, else the first of the usual names.

    Raises:
        DataError: If it does not exist.

    Example:

    >>> find_source(Rows.of({"id": [1], "article": ["A long text."]}, "a.csv"), {})
    'article'
    """
    if columns.get("text") is None:
        return _usual(rows, "source", SOURCE_NAMES)
    return find_columns(replace(rows, roles=None), {"text": columns["text"]}).text


def _number(rows: Rows, name: object) -> object:
    return int(name) if not rows.named and isinstance(name, str) and name.isdecimal() else name


def _usual(rows: Rows, role: str, usual: tuple[str, ...], *, taken: object = None) -> str:
    """Return the first column with a usual name; in a file without header, the first column that is not `taken`."""
    names = {name.strip().lower(): name for name in reversed(rows.columns)}
    candidates = [
        names[known] for known in (usual if rows.named else names) if known in names and names[known] != taken
    ]
    if not candidates:
        raise bad_data(
            rows.name,
            f"no column detected as the {role}",
            f'Select it: columns={{"{role}": ...}}; for a file without header, use indices: {{"source": 0, "target": 1}}.',
            value=list(rows.columns),
        )
    return candidates[0]


def source_encoder(tokenizer: PreTrainedTokenizerFast, max_length: int | None) -> Encoder:
    """Return the encoder of sources, with messages about `max_source_length`."""
    return Encoder(tokenizer, max_length, kind="sources", argument="max_source_length")


def target_encoder(tokenizer: PreTrainedTokenizerFast, max_length: int | None) -> Encoder:
    """Return the encoder of targets, with messages about `max_target_length`."""
    return Encoder(tokenizer, max_length, kind="targets", argument="max_target_length")


def start_token_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """Return the id of the decoder's start token; for T5 the padding token."""
    return int(tokenizer.pad_token_id or 0)


def _checked(rows: Rows, row: int, column: str, text: object) -> str:
    if not isinstance(text, str):
        raise rows.error(row, f"expected a string in column {column!r}", fix="Use a string.", value=text)
    if not is_unicode(text):
        raise rows.error(row, "invalid Unicode in the text (lone surrogate)", fix="Correct the text.", value=text)
    if not text.strip():
        raise rows.error(
            row, f"the text in column {column!r} is empty", fix="Add a text, or delete the row.", value=text
        )
    return text
