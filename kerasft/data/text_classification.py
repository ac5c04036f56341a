"""Data for text classification and regression: texts, or pairs of texts, with labels or real-valued targets."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft.data.batches.batching import Batching
from kerasft.data.batches.token_dataset import make_store, token_dataset
from kerasft.data.label_cells import check_label, only_column, out_of_lists
from kerasft.data.labels import encode_labels, labels_of
from kerasft.data.readers.columns import Roles, find_columns
from kerasft.data.readers.invalid_rows import valid_rows
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.data.targets import indicators, targets, with_decimal_points
from kerasft.encoding.token_store import Encoder, logger
from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Labels


def text_classification(
    source: object,
    tokenizer: PreTrainedTokenizerFast,
    *,
    labels: Labels | Iterable[str] | None = None,
    columns: Mapping[str, object] | None = None,
    max_length: int | None = None,
    batch_size: int | Batching = 32,
    shuffle: bool = False,
    seed: int = 0,
    store: str | os.PathLike | None = None,
) -> tf.data.Dataset:
    """Return a dataset for training or evaluating a text classifier, or for prediction.

    Args:
        source: Path, glob pattern or list of paths of .csv, .tsv, .jsonl, .json, .parquet, .arrow, .xlsx or .tfrecord files,
            or a folder of Hugging Face's `save_to_disk`; or rows: a list of dictionaries, of `(text, label)` or `(text,
            text_pair, label)` tuples or of texts, a DataFrame, or a Hugging Face `Dataset`.
        tokenizer: A `transformers.PreTrainedTokenizerFast`, for example from `load_pretrained`.
        labels: The model's labels, `labels=model.labels`. If None, the dataset has features only.
        columns: `{"text": ..., "text_pair": ..., "label": ...}`: column names, or 0-based indices for a file without header.
            "label" may be a list of columns: 0/1 columns (multi-label), or regression targets. Other columns are detected
            by the usual names.
        max_length: Maximum tokens per row, including special tokens; default 128, or the tokenizer's limit if lower.
        batch_size: Rows per batch, or a `Batching`.
        shuffle: Make new batches of rows of similar length in a new order every epoch; otherwise keep the source's order.
        seed: Random seed for shuffling; the same seed gives the same batches in every run.
        store: Folder for tokenized rows in sharded TFRecord files, which are reused for the same texts, tokenizer and length.
            For data larger than memory, TPUs, and several workers. Default: in memory.

    Returns:
        A `tf.data.Dataset` of `(features, y)`, or of `features` if `labels` is None; `len()` is exact. Features are
        int32 (B, S) tensors by name, see `kerasft.features`. y is int32 (B,) for single_label, float32 (B, C) for
        multi_label, float32 (B, K) for regression.

    Raises:
        DataError: If the data is invalid; the message gives the file, line and value.
        KerasftError: If an argument is out of range.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> labels = collect_labels(reviews_csv)
    >>> train = text_classification(reviews_csv, tokenizer, labels=labels, batch_size=16, shuffle=True)
    >>> features, y = next(iter(train))
    >>> len(train), sorted(features), y.dtype.name
    (3, ['padding_mask', 'segment_ids', 'token_ids'], 'int32')
    """
    batching = Batching.of(batch_size)
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns, need_label=labels is not None)
    rows = rows if labels is None else valid_labelled_rows(rows, roles, problem=Labels.of(labels).problem)
    texts, pairs = text_columns(rows, roles, allow_empty=labels is None)
    y = None if labels is None else encode_labels(rows, roles, labels=Labels.of(labels))
    tokens = make_store(Encoder(tokenizer, max_length, pair=pairs is not None), texts, pairs=pairs, folder=store)
    return token_dataset(tokens, batching, y=y, shuffle=shuffle, seed=seed)


def collect_labels(
    source: object, *, columns: Mapping[str, object] | None = None, problem: str = SINGLE_LABEL
) -> Labels:
    """Return the labels that occur in a source; use the train split.

    Args:
        source: See `text_classification`.
        columns: See `text_classification`.
        problem: `"single_label"`, `"multi_label"` or `"regression"`.

    Returns:
        `Labels` in natural order (2 before 10, "b2" before "b10").

    Raises:
        DataError: If the source cannot be read, a label is missing, or all rows have the same label.

    Example:

    >>> collect_labels([("fine", "10"), ("good", "9")])
    Labels(['9', '10'], problem='single_label')
    """
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns, need_label=True)
    return labels_of(valid_labelled_rows(rows, roles, problem=problem), roles, problem=problem)


def texts_and_labels(
    source: object,
    *,
    labels: Labels | Iterable[str] | None = None,
    columns: Mapping[str, object] | None = None,
) -> tuple[list, np.ndarray | None]:
    """Read texts and their targets, for pipelines and the verification of exports.

    Args:
        source: See `text_classification`.
        labels: The model's labels, or None.
        columns: See `text_classification`.

    Returns:
        A list of texts, or of `(text, text_pair)` tuples; and their targets (see `text_classification`), or None without
        `labels`.

    Raises:
        DataError: If the source cannot be read.

    Example:

    >>> texts_and_labels([("fine", "b"), ("good", "a")], labels=["a", "b"])
    (['fine', 'good'], array([1, 0], dtype=int32))
    """
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns, need_label=labels is not None)
    rows = rows if labels is None else valid_labelled_rows(rows, roles, problem=Labels.of(labels).problem)
    texts, pairs = text_columns(rows, roles, allow_empty=labels is None)
    y = None if labels is None else encode_labels(rows, roles, labels=Labels.of(labels))
    return (texts if pairs is None else list(zip(texts, pairs))), y


def valid_labelled_rows(rows: Rows, roles: Roles, *, problem: str) -> Rows:
    """Within `kerasft.data.skip_invalid`, remove rows without a text or a label; otherwise return all rows.

    Args:
        rows: The table.
        roles: Column assignment of the table.
        problem: `"single_label"`, `"multi_label"` or `"regression"`.

    Raises:
        DataError: If no row is valid, or the label columns do not match the problem.
    """

    def check(one: Rows) -> None:
        text_columns(one, roles)
        if problem == REGRESSION:
            targets(one, roles, Labels(roles.label, REGRESSION))
        elif problem == MULTI_LABEL and roles.several:
            indicators(one, roles, Labels(roles.label, MULTI_LABEL))
        else:
            check_label(one, 0, only_column(one, roles)[0], problem=problem)

    if problem == REGRESSION:
        rows = with_decimal_points(rows, roles)
    elif problem == SINGLE_LABEL and len(roles.label) == 1:
        name = roles.label[0]
        rows = replace(rows, columns={**rows.columns, name: out_of_lists(rows.columns[name])})
    return valid_rows(rows, check)


def text_columns(rows: Rows, roles: Roles, *, allow_empty: bool = False) -> tuple[list[str], list[str] | None]:
    """Validate and return the texts, and the second texts of pairs.

    Args:
        rows: The table.
        roles: Column assignment of the table.
        allow_empty: Whether empty texts are allowed and logged (for prediction, where every row needs an output).

    Raises:
        DataError: If a text is missing, empty, not a string, or not valid Unicode.
    """
    texts = _checked_texts(rows, roles.text, allow_empty)
    return texts, None if roles.text_pair is None else _checked_texts(rows, roles.text_pair, allow_empty)


def _checked_texts(rows: Rows, column: str, allow_empty: bool) -> list[str]:
    texts = []
    empty = []
    for row, text in enumerate(rows.columns[column]):
        if isinstance(text, bytes):
            text = text.decode("utf-8", "surrogateescape")
        if not isinstance(text, str):
            raise rows.error(row, f"expected a string in column {column!r}", fix="Use a string.", value=text)
        if not text.isascii() and not _is_unicode(text):
            raise rows.error(row, "invalid Unicode in the text (lone surrogate)", fix="Correct the text.", value=text)
        if not text or text.isspace():
            empty.append(row)
        texts.append(text)
    if empty and not allow_empty:
        raise rows.error(
            empty[0],
            f"the text in column {column!r} is empty",
            fix="Add a text, or delete the row.",
            value=texts[empty[0]],
        )
    if empty:
        file, line = rows.place(empty[0])
        logger.warning("%d of %d texts are empty, the first in %s, line %d.", len(empty), len(texts), file, line)
    return texts


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
