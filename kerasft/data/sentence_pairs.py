"""Sentence pairs, encoded separately: the two texts of a pair are adjacent rows of a batch."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from transformers import PreTrainedTokenizerFast

from kerasft.data.batches.batching import Batching, batch_length
from kerasft.data.batches.token_dataset import token_dataset
from kerasft.data.labels import encode_labels
from kerasft.data.readers.columns import find_columns
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.data.text_classification import text_columns
from kerasft.encoding.token_store import Encoder, TokenStore, tokenize
from kerasft.errors import bad_argument, bad_data, is_number
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS, regression


def sentence_pairs(
    source: object,
    tokenizer: PreTrainedTokenizerFast,
    *,
    columns: Mapping[str, object] | None = None,
    scored: bool | None = None,
    max_score: float = 1.0,
    max_length: int | None = None,
    batch_size: int | Batching = 32,
    shuffle: bool = False,
    seed: int = 0,
) -> tf.data.Dataset:
    """Return a dataset for training a sentence embedding model.

    Args:
        source: See `kerasft.data.text_classification`; with two text columns and, optionally, a column of similarity
            scores, `"label"`.
        tokenizer: The checkpoint's fast tokenizer.
        columns: `{"text": ..., "text_pair": ..., "label": ...}`; see `text_classification`.
        scored: Whether pairs have similarity scores; None: if there is a label column (if you select the text columns, select
            the label column too). Without scores, all pairs are positive pairs, such as questions and their answers.
        max_score: Divisor of the scores, to scale them to [-1, 1]: 5 for STS-B's scores from 0 to 5.
        max_length: Maximum tokens per text; default 128, or the tokenizer's limit if lower.
        batch_size: Pairs per batch, or a `Batching`, whose token budget counts both texts of a pair.
        shuffle: Make new batches in a new order every epoch.
        seed: Random seed for shuffling.

    Returns:
        A `tf.data.Dataset` of `(features, y)`: features by name, int32 (2 B, S), rows a_0, b_0, a_1, b_1, ...; y (2 B,),
        equal for both rows of a pair: float32 similarities for `kerasft.losses.CosineSimilarityLoss`, or int32 groups for
        `kerasft.losses.MultipleNegativesRanking`: pairs that share a text have the same group.

    Raises:
        DataError: If the data is invalid; the message gives the file, line and value.
        KerasftError: If an argument is out of range.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> rows = [{"question": "where is my card", "answer": "look for it"}, {"question": "hi", "answer": "good film"}]
    >>> features, y = next(iter(sentence_pairs(rows, tokenizer, batch_size=2)))
    >>> features["token_ids"].shape[0], y.numpy().tolist()
    (4, [0, 0, 1, 1])
    """
    pairs, scores = read_pairs(source, columns=columns, scored=scored, max_score=max_score)
    y = groups(pairs) if scores is None else scores
    return pair_dataset(pairs, tokenizer, y=y, max_length=max_length, batch_size=batch_size, shuffle=shuffle, seed=seed)


def read_pairs(
    source: object,
    *,
    columns: Mapping[str, object] | None = None,
    scored: bool | None = None,
    max_score: float = 1.0,
) -> tuple[list[tuple[str, str]], np.ndarray | None]:
    """Read pairs of texts and their scores.

    Args:
        source: See `sentence_pairs`.
        columns: Column assignment.
        scored: Whether pairs have similarity scores.
        max_score: Divisor of the scores.

    Returns:
        N tuples of two texts; and their scores in [-1, 1], float32 (N,), or None.

    Raises:
        DataError: If there are not two columns of text, or a score is missing or out of range.

    Example:

    >>> read_pairs([("a good film", "a great movie", 4.0)], max_score=5)
    ([('a good film', 'a great movie')], array([0.8], dtype=float32))
    """
    if not is_number(max_score) or max_score <= 0:
        raise bad_argument("max_score", "a number > 0", max_score, "Use 5 for scores from 0 to 5.")
    rows = read_rows(source, columns)
    named = {*(rows.roles or {}), *(columns or {})}
    if scored is None and named & {"text", "text_pair"} and "label" not in named:
        scored = False  # the text columns were selected, but no label column
    roles = find_columns(rows, columns, need_label=bool(scored))
    if roles.text_pair is None:
        fix = 'Select both: columns={"text": "question", "text_pair": "answer"}.'
        raise bad_data(rows.name, "two text columns are required", fix, value=list(rows.columns))
    texts, pairs = text_columns(rows, roles)
    if not (scored or (scored is None and roles.label)):
        return list(zip(texts, pairs)), None
    scores = encode_labels(rows, roles, labels=regression())[:, 0] / np.float32(max_score)
    _check_scores(rows, scores, max_score)
    return list(zip(texts, pairs)), scores


def _check_scores(rows: Rows, scores: np.ndarray, max_score: float) -> None:
    outside = np.flatnonzero(np.abs(scores) > 1)
    if len(outside):
        row = int(outside[0])
        fix = "Set the maximum possible score, for example max_score=5 (--max-score 5)."
        value = float(scores[row] * max_score)
        raise rows.error(row, f"score out of range (-{max_score:g} to {max_score:g})", fix=fix, value=value)


def groups(pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Return a group index per pair; pairs that share a text, directly or via other pairs, have the same index, int32, (N,).

    In-batch negatives need this: if two questions have the same answer, the other question's answer is not a negative.

    Example:

    >>> groups([("card lost", "block it"), ("no card", "block it"), ("hello", "hi")]).tolist()
    [0, 0, 1]
    """
    number: dict[str, int] = {}
    ends = np.array([[number.setdefault(text, len(number)) for text in pair] for pair in pairs]).reshape(-1, 2)
    edges = coo_array((np.ones(len(ends)), ends.T), shape=(len(number), len(number)))
    return connected_components(edges, directed=False)[1][ends[:, 0]].astype(np.int32)


def pair_dataset(
    pairs: Sequence[tuple[str, str]],
    tokenizer: PreTrainedTokenizerFast,
    *,
    y: np.ndarray,
    max_length: int | None = None,
    batch_size: int | Batching = 32,
    shuffle: bool = False,
    seed: int = 0,
) -> tf.data.Dataset:
    """Return a dataset of pairs with given targets; see `sentence_pairs`.

    Args:
        pairs: N tuples of two texts.
        tokenizer: The checkpoint's fast tokenizer.
        y: Target per pair, (N,).
        max_length: Maximum tokens per text.
        batch_size: Pairs per batch, or a `Batching`.
        shuffle: Make new batches in a new order every epoch.
        seed: Random seed for shuffling.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> features, y = next(iter(pair_dataset([("a good film", "bad")], tokenizer, y=np.array([0.5]))))
    >>> features["padding_mask"].numpy().sum(axis=1).tolist(), y.numpy().tolist()
    ([5, 3], [0.5, 0.5])
    """
    batching = Batching.of(batch_size)
    encoder = Encoder(tokenizer, max_length)
    texts = tokenize(encoder, [text for pair in pairs for text in pair])
    lengths = texts.lengths.reshape(-1, 2)
    # A pair is one row of the store, with the second text as "segment 1"; batches are split into single texts below.
    store = TokenStore(
        texts.ids, lengths.sum(axis=1).astype(np.int32), lengths[:, 0].copy(), True, texts.pad_id, 2 * texts.max_length
    )
    dataset = token_dataset(store, batching, y=y, shuffle=shuffle, seed=seed)
    return dataset.map(_unzip(encoder, batching), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(
        tf.data.AUTOTUNE
    )


def _unzip(encoder: Encoder, batching: Batching):
    """Return the function from rows of two texts (B, L) to rows of one text (2 B, S)."""
    rows = 2 * batching.size if batching.drop_remainder else None
    shape = (rows, encoder.max_length if batching.fixed_length else None)

    def unzip(features: dict[str, tf.Tensor], y: tf.Tensor):
        ids, is_second = features[TOKEN_IDS], features[SEGMENT_IDS]
        second = tf.reduce_sum(is_second, axis=1)  # (B,)
        first = tf.reduce_sum(features[PADDING_MASK], axis=1) - second  # (B,)
        length = tf.reshape(tf.stack([first, second], axis=1), [-1])  # (2 B,)
        position = tf.range(batch_length(length, batching, max_length=encoder.max_length))  # (S,)
        starts = tf.stack([tf.zeros_like(first), first], axis=1)  # (B, 2)
        index = tf.minimum(starts[:, :, None] + position, tf.shape(ids)[1] - 1)  # (B, 2, S)
        token_ids = tf.reshape(tf.gather(ids, index, batch_dims=1), [-1, tf.size(position)])  # (2 B, S)
        real = position < length[:, None]
        unzipped = {
            TOKEN_IDS: tf.where(real, token_ids, encoder.pad_id),
            PADDING_MASK: tf.cast(real, tf.int32),
            SEGMENT_IDS: tf.zeros_like(token_ids),
        }
        if not encoder.segments:
            del unzipped[SEGMENT_IDS]
        unzipped = {name: tf.ensure_shape(value, shape) for name, value in unzipped.items()}
        return unzipped, tf.ensure_shape(tf.repeat(y, 2, axis=0), (rows,))

    return unzip
