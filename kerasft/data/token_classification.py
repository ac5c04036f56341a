"""Texts with one tag per word: named entities, slots, parts of speech."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft.answers.tags import OUTSIDE, scheme_of
from kerasft.answers.windows import first_tokens
from kerasft.data.batches.batching import Batching, TokenTargets
from kerasft.data.batches.token_dataset import token_dataset
from kerasft.data.readers.rows import Rows
from kerasft.data.tagged_texts import read_tags, report_unknown_tags, tags_in_scheme
from kerasft.data.unseen_labels import UNKNOWN
from kerasft.encoding.token_store import Encoder, TokenStore, logger
from kerasft.encoding.windows import Windows, make_windows
from kerasft.errors import bad_argument
from kerasft.features import SINGLE_LABEL, Labels

LABEL_SUBWORDS = ("first", "all")


def token_classification(
    source: object,
    tokenizer: PreTrainedTokenizerFast,
    *,
    labels: Labels | Iterable[str],
    label_subwords: str = "first",
    max_length: int | None = None,
    stride: int | None = None,
    batch_size: int | Batching = 32,
    shuffle: bool = False,
    seed: int = 0,
) -> tf.data.Dataset:
    """Make the dataset that a token classifier is trained and evaluated on.

    Nothing is cut: a text longer than `max_length` becomes several rows, windows that overlap by `stride` tokens, and a
    word in two of them counts once, in the one where it has more context.

    Args:
        source: As for `read_tags`, in IOB2; or its rows, where a source has another scheme, other columns or invalid tags.
        tokenizer: A `transformers.PreTrainedTokenizerFast`, as `load_pretrained` returns it.
        labels: The model's labels, `labels=model.labels`: O and tags of IOB2 or IOBES, which says the scheme. A word with
            another tag, such as one that only dev has, counts nothing in the loss, and is logged; evaluation counts it as
            an error.
        label_subwords: `"first"`: a word's first token is trained to answer its tag, the others count nothing. `"all"`: the
            others too, by the same tag with I- for B-. In both, the first one's answer is the word's.
        max_length: Tokens of a row, special tokens included; default 128, or the tokenizer's limit if less.
        stride: Tokens that two windows of one text share; default a quarter of a window.
        batch_size: Rows per batch, of any lengths; or a `Batching`.
        shuffle: New batches in a new order every epoch.
        seed: Seed of the shuffling.

    Returns:
        A `tf.data.Dataset` of `(features, y, sample_weight)`: features by name and y int32 (B, S), sample_weight float32
        (B, S), 1 for the tokens that count and 0 for the rest. `len()` is exact.

    Raises:
        DataError: If the data cannot be used; the message names file, line and value.
        KerasftError: If an argument is out of range.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> rows = [(["good", "film"], ["O", "B-WORK"]), (["bad"], ["O"])]
    >>> train = token_classification(rows, tokenizer, labels=["O", "B-WORK", "I-WORK"])
    >>> features, y, sample_weight = next(iter(train))
    >>> y.numpy().tolist(), sample_weight.numpy().tolist()
    ([[0, 0, 1, 0], [0, 0, 0, 0]], [[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    """
    batching = Batching.of(batch_size, similar_length=False)
    rows = read_tags(source)
    labels = Labels.of(labels)
    windows = make_windows(tokenizer, rows.columns["text"], max_length=max_length, stride=stride)
    values, weights = word_targets(windows, rows, labels=labels, label_subwords=label_subwords)
    report_unknown_tags(rows, labels)
    report_lost_words(windows, rows)
    y = TokenTargets(np.concatenate(values), np.concatenate(weights))
    store = window_store(Encoder(tokenizer, max_length), windows)
    return token_dataset(store, batching, y=y, shuffle=shuffle, seed=seed)


def word_targets(
    windows: Windows, rows: Rows, *, labels: Labels, label_subwords: str = "first"
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The labels' numbers and the weights of each window's tokens, special tokens included: int32 and float32 (tokens,).

    Args:
        windows: Of the rows' texts.
        rows: As `read_tags` returns them.
        labels: The model's labels. A word whose tag is not among them weighs 0.
        label_subwords: As for `token_classification`.

    Raises:
        KerasftError: If `label_subwords` is invalid, or the labels are not tags.
    """
    if label_subwords not in LABEL_SUBWORDS:
        raise bad_argument("label_subwords", f"one of {LABEL_SUBWORDS}", label_subwords, "Choose one of them.")
    targets = []
    for row, tags in enumerate(encode_tags(rows, labels)):
        words = rows.columns["offsets"][row]
        tokens = windows.offsets[row]
        first = first_tokens(words, tokens)
        value, counts = np.zeros(len(tokens), np.int32), np.zeros(len(tokens), np.float32)
        known = tags != UNKNOWN
        if label_subwords == "all":
            word = np.searchsorted([start for start, _ in words], [start for start, _ in tokens], side="right") - 1
            real = np.array([end > start for start, end in tokens], bool)
            value[real] = _inside(tags, labels)[word[real]]
            counts[real] = known[word[real]]
        # From the last to the first, so that a token which is the first of two words has the tag of the first one.
        value[first[first >= 0][::-1]] = tags[first >= 0][::-1]
        counts[first[first >= 0][::-1]] = known[first >= 0][::-1]
        targets.append((np.maximum(value, 0), counts))
    values, weights = [], []
    for text, begin, ids, own in zip(windows.texts, windows.begins, windows.token_ids, windows.own()):
        place = windows.prefix
        end = windows.prefix + len(own)
        value, counts = np.zeros(len(ids), np.int32), np.zeros(len(ids), np.float32)
        value[place:end] = targets[text][0][begin : begin + len(own)]
        counts[place:end] = np.where(own, targets[text][1][begin : begin + len(own)], 0.0)
        values.append(value)
        weights.append(counts)
    return values, weights


def _inside(tags: np.ndarray, labels: Labels) -> np.ndarray:
    """The labels' numbers with I- in place of B-, where there is such a label."""
    index = {name: number for number, name in enumerate(labels)}
    inside = [index.get(f"I{name[1:]}" if name.startswith("B-") else name, number) for name, number in index.items()]
    return np.where(tags == UNKNOWN, UNKNOWN, np.array(inside, np.int32)[tags])


def encode_tags(rows: Rows, labels: Labels) -> list[np.ndarray]:
    """The rows' tags, in the scheme of the labels, as the labels' numbers; int32 (words,) for each row.

    A tag that is not among the labels is `UNKNOWN` (-1).

    Raises:
        KerasftError: If the labels are not tags.

    Example:

    >>> rows = read_tags([(["Mr", "Smith"], ["O", "B-PER"])])
    >>> encode_tags(rows, Labels(["O", "B-PER", "I-PER", "E-PER", "S-PER"]))[0].tolist()
    [0, 4]
    """
    if labels.problem != SINGLE_LABEL:
        raise bad_argument("labels", "tags with one label per token", labels, "Use kerasft.data.collect_tags(...).")
    scheme = scheme_of(labels)
    index = {name: number for number, name in enumerate(labels)}
    return [np.array([index.get(tag, UNKNOWN) for tag in tags], np.int32) for tags in tags_in_scheme(rows, scheme)]


def window_store(encoder: Encoder, windows: Windows) -> TokenStore:
    """The windows as a store of tokens, from which `token_dataset` makes batches."""
    lengths = np.array([len(ids) for ids in windows.token_ids], np.int32)
    ids = np.fromiter((token for row in windows.token_ids for token in row), np.int32, count=int(lengths.sum()))
    return TokenStore(ids, lengths, lengths, encoder.segments, encoder.pad_id, encoder.max_length)


def report_lost_words(windows: Windows, rows: Rows) -> int:
    """Count the words of which the tokenizer makes no token, log them once, and return their number.

    They keep their place: they are never trained on, and answered by O.
    """
    lost, tagged = 0, 0
    for words, tokens, tags in zip(rows.columns["offsets"], windows.offsets, rows.columns["tags"]):
        without = first_tokens(words, tokens) < 0
        lost += int(without.sum())
        tagged += sum(tag != OUTSIDE for tag, missing in zip(tags, without) if missing)
    if lost:
        logger.warning(
            "%d words of %s have no tokens (such as control characters) and are predicted as O; %d of them have "
            "another tag.",
            *(lost, rows.name, tagged),
        )
    return lost
