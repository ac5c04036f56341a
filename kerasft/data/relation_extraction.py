"""Data for relation extraction: texts with two entities and their relation."""

import functools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft.answers.marked_texts import EntityPair, entity_pair
from kerasft.data.batches.batching import Batching
from kerasft.data.batches.token_dataset import token_dataset
from kerasft.data.label_cells import LabelIndex, check_label, label_cells, only_column, out_of_lists
from kerasft.data.labels import encode_labels
from kerasft.data.readers.annotated_relations import relation_rows
from kerasft.data.readers.columns import Roles, find_columns
from kerasft.data.readers.invalid_rows import valid_rows
from kerasft.data.readers.label_names import visible_name
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.data.unseen_labels import UNKNOWN, report_unknown
from kerasft.encoding.entity_markers import encode_entities, warn_of_truncation
from kerasft.encoding.token_store import Encoder, TokenStore
from kerasft.errors import bad_argument
from kerasft.features import Labels

NEGATIVE_LABELS = ("other", "no_relation", "no-relation", "no relation", "na", "none")
"""Detected names of the label for pairs without a relation (case-insensitive)."""


def relation_extraction(
    source: object,
    tokenizer: PreTrainedTokenizerFast,
    *,
    labels: Labels | Iterable[str] | None = None,
    columns: Mapping[str, object] | None = None,
    max_length: int | None = None,
    batch_size: int | Batching = 32,
    shuffle: bool = False,
    seed: int = 0,
) -> tf.data.Dataset:
    """Return a dataset for training or evaluating a relation classifier, or for prediction.

    Args:
        source: See `kerasft.data.text_classification`. Entities are marked as `<e1>head</e1>` and `<e2>tail</e2>` in the
            text, or given in columns `head` and `tail` as character offsets `{"start": ..., "end": ...}`. Exports of
            doccano, Prodigy or Label Studio with entities and relations are supported too.
        tokenizer: A tokenizer with the markers `kerasft.data.ENTITY_MARKERS`; see `kerasft.vocabulary.add_tokens`.
        labels: The model's labels, `labels=model.labels`. If None, the dataset has features only. Rows with other
            relations are logged, have weight 0 in the loss and count as errors in the metrics.
        columns: `{"text": ..., "label": ...}`; see `text_classification`.
        max_length: Maximum tokens per row, including markers; default 128, or the tokenizer's limit if lower. Longer texts
            are truncated to a window around their entities, and logged.
        batch_size: Rows per batch, or a `Batching`.
        shuffle: Make new batches of rows of similar length in a new order every epoch.
        seed: Random seed for shuffling.

    Returns:
        A `tf.data.Dataset` of `(features, y)`, or of `features` if `labels` is None. Features are int32 (B, S) by name, y is
        int32 (B,). If there are unknown relations, y is -1 for them, and elements are `(features, y, sample_weight)`, (B,).

    Raises:
        DataError: If the data is invalid; the message gives the file, line and value.
        KerasftError: If the tokenizer does not have the markers, or an argument is out of range.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> import kerasft
    >>> _, marked = kerasft.vocabulary.add_tokens(backbone, tokenizer, kerasft.data.ENTITY_MARKERS, special=True)
    >>> rows = [{"text": "a <e1>card</e1> for my <e2>money</e2>", "label": "buys"}]
    >>> features, y = next(iter(relation_extraction(rows, marked, labels=["buys", "no_relation"])))
    >>> features["token_ids"].shape, y.numpy().tolist()
    (TensorShape([1, 11]), [0])
    """
    pairs, y = entity_pairs(source, labels=labels, columns=columns)
    store = entity_store(tokenizer, pairs, max_length=max_length)
    dataset = token_dataset(store, Batching.of(batch_size), y=y, shuffle=shuffle, seed=seed)
    if y is None or (y != UNKNOWN).all():
        return dataset
    # The loss ignores labels that the model does not have; the metrics, which take no weights, count them as errors.
    return dataset.map(lambda features, y: (features, y, tf.cast(y != UNKNOWN, tf.float32)))


def entity_pairs(
    source: object,
    *,
    labels: Labels | Iterable[str] | None = None,
    columns: Mapping[str, object] | None = None,
) -> tuple[list[EntityPair], np.ndarray | None]:
    """Read texts with their entities, and label indices, for pipelines and the verification of exports.

    Args:
        source: See `relation_extraction`.
        labels: The model's labels, or None.
        columns: Column assignment.

    Returns:
        N pairs, and label indices, int32 (N,), -1 for labels that the model does not have; None without `labels`.

    Raises:
        DataError: If a row does not have two entities, or no row has a known label.

    Example:

    >>> pairs, y = entity_pairs([("a <e1>card</e1> <e2>lost</e2>", "no")], labels=["yes", "no"])
    >>> pairs[0].text, pairs[0].tail.start, y.tolist()
    ('a card lost', 7, [1])
    """
    rows = read_relations(source, columns)
    roles = find_columns(rows, columns, need_label=labels is not None)
    pairs = _pairs(rows, roles)
    return pairs, None if labels is None else _numbers(rows, roles, Labels.of(labels))


def read_relations(source: object, columns: Mapping[str, object] | None = None) -> Rows:
    """Read a source as rows of two entities each; exports of doccano, Prodigy or Label Studio give one row per pair.

    Args:
        source: See `relation_extraction`.
        columns: See `relation_extraction`.

    Raises:
        DataError: If the source cannot be read, or a relation refers to an unknown entity.

    Example:

    >>> spans = [{"id": 1, "start": 0, "end": 3}, {"id": 2, "start": 12, "end": 16}]
    >>> relations = [{"from_id": 1, "to_id": 2, "type": "founded"}]
    >>> read_relations([{"text": "Ann founded Acme", "spans": spans, "relations": relations}]).columns["label"]
    ['founded']
    """
    return relation_rows(read_rows(source, columns), columns)


def valid_entity_pairs(rows: Rows, roles: Roles) -> Rows:
    """Within `kerasft.data.skip_invalid`, remove rows without two entities or a label; otherwise return all rows.

    Example:

    >>> rows = Rows.of({"text": ["a <e1>card</e1> <e2>lost</e2>"], "label": ["no"]}, "relations.csv")
    >>> len(valid_entity_pairs(rows, Roles("text", label=("label",))))
    1
    """

    def check(one: Rows) -> None:
        _pairs(one, roles)
        check_label(one, 0, out_of_lists(only_column(one, roles))[0])

    return valid_rows(rows, check)


def _pairs(rows: Rows, roles: Roles) -> list[EntityPair]:
    nothing = [None] * len(rows)
    texts, heads, tails = (rows.columns.get(name, nothing) for name in (roles.text, "head", "tail"))
    return [
        entity_pair(text, head, tail, fail=functools.partial(rows.error, row))
        for row, (text, head, tail) in enumerate(zip(texts, heads, tails))
    ]


def relation_names(
    source: object, *, labels: Labels | Iterable[str], columns: Mapping[str, object] | None = None
) -> list[str]:
    """Return the relation of each row, spelled as in the model's labels, or as in the source if the model does not have it.

    Args:
        source: See `relation_extraction`.
        labels: The model's labels.
        columns: Column assignment.

    Raises:
        DataError: If a label is missing.

    Example:

    >>> relation_names([("a <e1>card</e1> <e2>lost</e2>", "no"), ("<e1>a</e1> <e2>b</e2>", "owns")], labels=["yes", "no"])
    ['no', 'owns']
    """
    rows = read_relations(source, columns)
    index = LabelIndex(Labels.of(labels))
    texts = [texts[0] for texts in label_cells(rows, find_columns(rows, columns, need_label=True), known=index)]
    return [index.labels[index.get(text)] if text in index else visible_name(text) for text in texts]


def _numbers(rows: Rows, roles: Roles, labels: Labels) -> np.ndarray:
    """Return label indices, int32 (rows,), -1 for labels that the model does not have."""
    index = LabelIndex(labels)
    texts = [texts[0] for texts in label_cells(rows, roles, known=index)]
    if all(text in index for text in texts) or not any(text in index for text in texts):
        return encode_labels(rows, roles, labels=labels)  # if all are unknown, this raises the error
    names = [index.labels[index.get(text)] if text in index else visible_name(text) for text in texts]
    report_unknown(rows, ([name] for name in names), labels, what="relations")
    return np.array([index.get(text) if text in index else UNKNOWN for text in texts], np.int32)


def entity_store(
    tokenizer: PreTrainedTokenizerFast, pairs: Sequence[EntityPair], *, max_length: int | None = None
) -> TokenStore:
    """Tokenize texts with entity markers into memory, and log how many were truncated.

    Args:
        tokenizer: A tokenizer with the markers.
        pairs: N >= 1 texts with their entities.
        max_length: See `relation_extraction`.

    Raises:
        KerasftError: If the tokenizer does not have the markers, or `max_length` is out of range.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> import kerasft
    >>> _, marked = kerasft.vocabulary.add_tokens(backbone, tokenizer, kerasft.data.ENTITY_MARKERS, special=True)
    >>> entity_store(marked, entity_pairs([{"text": "<e1>card</e1> <e2>lost</e2>"}])[0]).lengths.tolist()
    [8]
    """
    settings = Encoder(tokenizer, max_length)
    encoded = encode_entities(tokenizer, pairs, max_length=settings.max_length)
    warn_of_truncation(encoded, max_length=settings.max_length)
    rows = encoded.encoded.token_ids
    lengths = np.array([len(row) for row in rows], np.int32)
    ids = np.fromiter((token for row in rows for token in row), np.int32, count=int(lengths.sum()))
    return TokenStore(
        ids, lengths, lengths, settings.segments, settings.pad_id, settings.max_length, encoded.encoded.num_truncated
    )


def negative_label(labels: Iterable[str], name: str | None = None) -> str | None:
    """Return the label of pairs without a relation, which the metrics exclude.

    Args:
        labels: The labels.
        name: Its name; None: detected by the usual names (`NEGATIVE_LABELS`).

    Raises:
        KerasftError: If `name` is not among the labels.

    Example:

    >>> negative_label(["Cause-Effect(e1,e2)", "Other"]), negative_label(["works_for", "lives_in"])
    ('Other', None)
    """
    labels = list(labels)
    if name is not None and name not in labels:
        raise bad_argument("negative_label", f"one of the labels ({', '.join(labels[:10])})", name, "Correct it.")
    negative = [label for label in labels if label.lower() in NEGATIVE_LABELS]
    return name if name is not None else negative[0] if len(negative) == 1 else None
