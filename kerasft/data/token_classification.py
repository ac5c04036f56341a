"""Data for token classification: texts with one tag per word, such as named entities, slots, or parts of speech."""

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
    """Return a dataset for training and evaluating a token classifier.

    Texts are not truncated: a text longer than `max_length` is split into windows that overlap by `stride` tokens. A word in
    two windows counts only in the window where it has more context.

    Args:
        source: See `read_tags`; tags in IOB2. Or rows from `read_tags`, for other tagging schemes, columns, or invalid tags.
        tokenizer: A `transformers.PreTrainedTokenizerFast`, for example from `load_pretrained`.
        labels: The model's labels, `labels=model.labels`: O and tags in IOB2 or IOBES, from which the scheme is detected.
            Words with other tags are logged, ignored by the loss, and counted as errors in evaluation.
        label_subwords: `"first"`: only the first token of a word has a label. `"all"`: the other tokens of a word have the
            same label, with I- instead of B-. In both cases, the prediction for a word is that of its first token.
        max_length: Maximum tokens per row, including special tokens; default 128, or the tokenizer's limit if lower.
        stride: Overlap of consecutive windows in tokens; default a quarter of the window.
        batch_size: Rows per batch (not grouped by length), or a `Batching`.
        shuffle: Make new batches in a new order every epoch.
        seed: Random seed for shuffling.

    Returns:
        A `tf.data.Dataset` of `(features, y, sample_weight)`: features by name and y int32 (B, S), sample_weight float32
        (B, S), 1 for tokens with a label and 0 for others. `len()` is exact.

    Raises:
        DataError: If the data is invalid; the message gives the file, line and value.
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
    """Return label indices and weights of each window's tokens, including special tokens: int32 and float32 (tokens,).

    Args:
        windows: Windows of the rows' texts.
        rows: Rows from `read_tags`.
        labels: The model's labels. Words with other tags have weight 0.
        label_subwords: See `token_classification`.

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
        # In reverse order, so that a token that is the first of two words gets the tag of the first word.
        value[first[first >= 0][::-1]] = tags[first >= 0][::-1]
        counts[first[first >= 0][::-1]] = known[first >= 0][::-1]
        targets.append((np.maximum(value, 0), counts))
    values = []
    weights = []
    for text, begin, ids, own in zip(windows.texts, windows.begins, windows.token_ids, windows.own()):
        start = windows.prefix
        end = windows.prefix + len(own)
        value, counts = np.zeros(len(ids), np.int32), np.zeros(len(ids), np.float32)
        value[start:end] = targets[text][0][begin : begin + len(own)]
        counts[start:end] = np.where(own, targets[text][1][begin : begin + len(own)], 0.0)
        values.append(value)
        weights.append(counts)
    return values, weights


def _inside(tags: np.ndarray, labels: Labels) -> np.ndarray:
    """Return the label indices with I- instead of B-, if the model has such a label."""
    index = {name: number for number, name in enumerate(labels)}
    inside = [index.get(f"I{name[1:]}" if name.startswith("B-") else name, number) for name, number in index.items()]
    return np.where(tags == UNKNOWN, UNKNOWN, np.array(inside, np.int32)[tags])


def encode_tags(rows: Rows, labels: Labels) -> list[np.ndarray]:
    """Return the rows' tags, in the tagging scheme of the labels, as label indices; int32 (words,) for each row.

    Tags that are not labels are `UNKNOWN` (-1).

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
    """Return the windows as a token store, for `token_dataset`."""
    lengths = np.array([len(ids) for ids in windows.token_ids], np.int32)
    ids = np.fromiter((token for row in windows.token_ids for token in row), np.int32, count=int(lengths.sum()))
    return TokenStore(ids, lengths, lengths, encoder.segments, encoder.pad_id, encoder.max_length)


def report_lost_words(windows: Windows, rows: Rows) -> int:
    """Count and log the words for which the tokenizer makes no tokens; return their number.

    They are ignored in training and predicted as O.
    """
    lost = 0
    tagged = 0
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
