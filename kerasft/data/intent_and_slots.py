"""Data for joint intent classification and slot filling."""

from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft.data.batches.batching import Batching, TokenTargets
from kerasft.data.batches.token_dataset import token_dataset
from kerasft.data.readers.label_names import natural_key
from kerasft.data.readers.rows import Rows
from kerasft.data.tagged_texts import INTENT, read_tags, report_unknown_tags, warn_of_look_alikes
from kerasft.data.token_classification import report_lost_words, window_store, word_targets
from kerasft.data.unseen_labels import UNKNOWN, report_unknown
from kerasft.encoding.token_store import Encoder
from kerasft.encoding.windows import make_windows
from kerasft.errors import bad_data
from kerasft.features import Labels
from kerasft.heads.intent_and_slots import INTENT_LOGITS, SLOT_LOGITS


def intent_and_slots(
    source: object,
    tokenizer: PreTrainedTokenizerFast,
    *,
    intents: Labels | Iterable[str],
    labels: Labels | Iterable[str],
    max_length: int | None = None,
    stride: int | None = None,
    batch_size: int | Batching = 32,
    shuffle: bool = False,
    seed: int = 0,
) -> tf.data.Dataset:
    """Return a dataset for training and evaluating a model for intent classification and slot filling.

    Like `token_classification` with `label_subwords="first"`; the intent's loss is computed only in the first window of a text.

    Args:
        source: See `read_tags`; with intents. Or rows from `read_tags`.
        tokenizer: A `transformers.PreTrainedTokenizerFast`, for example from `load_pretrained`.
        intents: The model's intents, `intents=model.intents`.
        labels: The slot tags, `labels=model.labels`. Tags and intents that the model does not have are logged, ignored by
            the loss, and counted as errors in evaluation.
        max_length: Maximum tokens per row, including special tokens; default 128, or the tokenizer's limit if lower.
        stride: Overlap of consecutive windows in tokens; default a quarter of the window.
        batch_size: Rows per batch (not grouped by length), or a `Batching`.
        shuffle: Make new batches in a new order every epoch.
        seed: Random seed for shuffling.

    Returns:
        A `tf.data.Dataset` of `(features, y, sample_weight)`; y and sample_weight are dictionaries by output:
        `intent_logits` (B,) and `slot_logits` (B, S).

    Raises:
        DataError: If the data is invalid; the message gives the file, line and value.
        KerasftError: If an argument is out of range.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> rows = [(["good", "film"], ["O", "B-WORK"], "praise"), (["bad"], ["O"], "blame")]
    >>> data = intent_and_slots(rows, tokenizer, intents=["blame", "praise"], labels=["O", "B-WORK", "I-WORK"])
    >>> features, y, sample_weight = next(iter(data))
    >>> y["intent_logits"].numpy().tolist(), y["slot_logits"].numpy().tolist()
    ([1, 0], [[0, 0, 1, 0], [0, 0, 0, 0]])
    """
    batching = Batching.of(batch_size, similar_length=False)
    rows = read_tags(source)
    labels = Labels.of(labels)
    intents = Labels.of(intents)
    indices = encode_intents(rows, intents)
    windows = make_windows(tokenizer, rows.columns["text"], max_length=max_length, stride=stride)
    values, weights = word_targets(windows, rows, labels=labels)
    report_unknown_tags(rows, labels)
    report_unknown_intents(rows, intents)
    report_lost_words(windows, rows)
    lengths = [len(value) for value in values]
    intent = np.repeat(indices[windows.texts], lengths)
    per_token = np.stack(  # (tokens, 3): slot, intent, whether the intent counts
        [
            np.concatenate(values),
            np.maximum(intent, 0),
            (np.repeat(windows.begins == 0, lengths) & (intent != UNKNOWN)).astype(np.int32),
        ],
        axis=1,
    )
    y = TokenTargets(per_token, np.concatenate(weights))
    store = window_store(Encoder(tokenizer, max_length), windows)
    dataset = token_dataset(store, batching, y=y, shuffle=shuffle, seed=seed)
    return dataset.map(_by_output, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _by_output(features: Mapping[str, tf.Tensor], y: tf.Tensor, weights: tf.Tensor) -> tuple:
    slots, intent, counts = tf.unstack(y, axis=-1)  # 3 x (B, S)
    targets = {INTENT_LOGITS: intent[:, 0], SLOT_LOGITS: slots}
    return features, targets, {INTENT_LOGITS: tf.cast(counts[:, 0], tf.float32), SLOT_LOGITS: weights}


def collect_intents(source: object, *, columns: Mapping[str, object] | None = None) -> Labels:
    """Return the intents that occur in a source, in natural order; use the train split.

    Args:
        source: See `read_tags`; tags in IOB2. Or rows from `read_tags`.
        columns: See `read_tags`.

    Raises:
        DataError: If the source has no intents.

    Example:

    >>> list(collect_intents([(["pay"], ["O"], "pay"), (["lost"], ["O"], "lost")]))
    ['lost', 'pay']
    """
    rows = read_tags(source, columns=columns)
    names = sorted(set(intents_of(rows)), key=natural_key)
    if len(names) < 2:
        fix = "Training requires at least two intents; if the split removed one, add rows or use a --dev file."
        raise bad_data(rows.name, "all texts have the same intent", fix, value=names[0])
    warn_of_look_alikes(names, rows.name, what="intents")
    return Labels(names)


def intents_of(rows: Rows) -> list[str]:
    """Return the intent of each row.

    Raises:
        DataError: If the rows have no intents.
    """
    if INTENT not in rows.columns:
        fix = 'Add "intent" to each row, or a file of intents next to the files of words and tags.'
        raise bad_data(rows.name, "the source has no intents", fix, value=list(rows.columns))
    return rows.columns[INTENT]


def encode_intents(rows: Rows, intents: Labels) -> np.ndarray:
    """Return the rows' intents as label indices, int32 (rows,); `UNKNOWN` (-1) if the model does not have the intent.

    Raises:
        DataError: If the rows have no intents.

    Example:

    >>> encode_intents(read_tags([(["pay"], ["O"], "pay"), (["sing"], ["O"], "sing")]), Labels(["lost", "pay"])).tolist()
    [1, -1]
    """
    index = {name: number for number, name in enumerate(intents)}
    return np.array([index.get(name, UNKNOWN) for name in intents_of(rows)], np.int32)


def report_unknown_intents(rows: Rows, intents: Labels) -> str | None:
    """Log once how many rows have an intent that the model does not have; return this message, or None.

    Example:

    >>> report_unknown_intents(read_tags([(["pay"], ["O"], "pay")]), Labels(["lost", "pay"])) is None
    True
    """
    return report_unknown(rows, ([name] for name in intents_of(rows)), intents, what="intents")
