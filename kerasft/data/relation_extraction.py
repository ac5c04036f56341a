"""Data for relation extraction: texts with two marked entities and their relation."""

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
    """Make the dataset that a relation classifier is trained on, evaluated on, or predicts.

    Args:
        source: As for `kerasft.data.text_classification`; its rows are texts that are marked `<e1>head</e1>` and
            `<e2>tail</e2>`, or have columns `head` and `tail` of `{"start": ..., "end": ...}` in characters; or an export of
            doccano, Prodigy or Label Studio with entities and relations.
        tokenizer: A tokenizer with the markers `kerasft.data.ENTITY_MARKERS`; see `kerasft.vocabulary.add_tokens`.
        labels: The model's labels, `labels=model.labels`. Without them the dataset has features only. A row with another
            relation, such as one that only dev has, weighs 0 in the loss and counts as an error in the metrics; how many
            there are is logged.
        columns: `{"text": ..., "label": ...}`, as for `text_classification`.
        max_length: Tokens kept of a row, markers included; default 128, or the tokenizer's limit if less. A longer text is
            cut to a window around its entities; how many were is logged.
        batch_size: Rows per batch, or a `Batching`.
        shuffle: New batches of rows of similar length in a new order every epoch.
        seed: Seed of the shuffling.

    Returns:
        A `tf.data.Dataset` of `(features, y)`, or of `features` if `labels` is None. Features are int32 (B, S) by name, y is
        int32 (B,). Where relations are unknown, y is -1 there, and the weights (B,) follow.

    Raises:
        DataError: If the data cannot be used; the message names file, line and value.
        KerasftError: If the tokenizer has no markers, or an argument is out of range.

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
    # No loss for what the model has no output for; the metrics, which take no weights, count it as an error.
    return dataset.map(lambda features, y: (features, y, tf.cast(y != UNKNOWN, tf.float32)))


def entity_pairs(
    source: object,
    *,
    labels: Labels | Iterable[str] | None = None,
    columns: Mapping[str, object] | None = None,
) -> tuple[list[EntityPair], np.ndarray | None]:
    """The texts of a source with their entities, and the labels as numbers, for pipelines and verifiers.

    Args:
        source: As for `relation_extraction`; so are the others.
        labels: The model's labels, or None.
        columns: Which column is what.

    Returns:
        N pairs, and int32 (N,), -1 for a label that is not among the model's; None without `labels`.

    Raises:
        DataError: If a row has no two entities, or no row a known label.

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
    """Read a source into rows of two entities each: of an export of doccano, Prodigy or Label Studio, a row of each pair.

    Args:
        source: As for `relation_extraction`.
        columns: As there.

    Raises:
        DataError: If the source cannot be read, or a relation is between entities that the text does not have.

    Example:

    >>> spans = [{"id": 1, "start": 0, "end": 3}, {"id": 2, "start": 12, "end": 16}]
    >>> relations = [{"from_id": 1, "to_id": 2, "type": "founded"}]
    >>> read_relations([{"text": "Ann founded Acme", "spans": spans, "relations": relations}]).columns["label"]
    ['founded']
    """
    return relation_rows(read_rows(source, columns), columns)


def valid_entity_pairs(rows: Rows, roles: Roles) -> Rows:
    """Leave out the rows without two entities or a label, within `kerasft.data.skip_invalid`; else return all.

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
    """The relation of each row by the model's name of it, or by its own where the model does not know it.

    Args:
        source: As for `relation_extraction`.
        labels: The model's labels.
        columns: Which column is what.

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
    """The labels' numbers, int32 (rows,), -1 for what the model does not know."""
    index = LabelIndex(labels)
    texts = [texts[0] for texts in label_cells(rows, roles, known=index)]
    if all(text in index for text in texts) or not any(text in index for text in texts):
        return encode_labels(rows, roles, labels=labels)  # if all are unknown it says what is wrong with the column
    names = [index.labels[index.get(text)] if text in index else visible_name(text) for text in texts]
    report_unknown(rows, ([name] for name in names), labels, what="relations")
    return np.array([index.get(text) if text in index else UNKNOWN for text in texts], np.int32)


def entity_store(
    tokenizer: PreTrainedTokenizerFast, pairs: Sequence[EntityPair], *, max_length: int | None = None
) -> TokenStore:
    """Tokenize marked texts into memory, and log how many were truncated.

    Args:
        tokenizer: A tokenizer with the markers.
        pairs: N >= 1 texts with their entities.
        max_length: As for `relation_extraction`.

    Raises:
        KerasftError: If the tokenizer has no markers, or `max_length` is out of range.

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
    """The label of pairs without a relation, which the scores leave out.

    Args:
        labels: The labels.
        name: What the user says it is; None: the one of the usual names (`NEGATIVE_LABELS`), if there is one.

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
