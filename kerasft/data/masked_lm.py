"""Data for masked language modeling: dynamic masking for training, static masking for validation."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft.data.batches.batching import Batching, TokenTargets
from kerasft.data.batches.token_dataset import token_dataset
from kerasft.data.plain_texts import read_texts
from kerasft.encoding.token_store import CHUNK, Encoder, TokenStore, progress_bar
from kerasft.epoch_order import EpochOrder
from kerasft.errors import bad_argument
from kerasft.features import TOKEN_IDS


@dataclass(frozen=True)
class Masking:
    """Settings for masking tokens (Devlin et al. 2019, arXiv:1810.04805, section 3.1 and appendix A.1).

    Args:
        rate: Probability of selecting each word (or token) for prediction, in (0, 1).
        whole_words: Whether to mask all tokens of a word together (whole word masking; Cui et al. 2021, arXiv:1906.08101).
            The tokenizer defines words: usually they are separated by spaces and punctuation.
        mask_share: Fraction of the selected tokens that is replaced by the mask token.
        random_share: Fraction of the selected tokens that is replaced by a random token; the others are unchanged.

    Raises:
        KerasftError: If a number is out of range.

    Example:

    >>> Masking(whole_words=True).rate
    0.15
    """

    rate: float = 0.15
    whole_words: bool = False
    mask_share: float = 0.8
    random_share: float = 0.1

    def __post_init__(self):
        if not 0 < self.rate < 1:
            raise bad_argument("rate", "a fraction in (0, 1)", self.rate, "BERT uses 0.15.")
        if min(self.mask_share, self.random_share) < 0 or self.mask_share + self.random_share > 1 + 1e-9:
            shares = (self.mask_share, self.random_share)
            fix = "BERT uses 0.8 and 0.1."
            raise bad_argument("mask_share and random_share", "fractions >= 0 with a sum of at most 1", shares, fix)


def masked_lm(
    source: object,
    tokenizer: PreTrainedTokenizerFast,
    *,
    columns: Mapping[str, object] | None = None,
    packed: bool = False,
    masking: Masking = Masking(),
    max_length: int | None = None,
    batch_size: int | Batching = 32,
    shuffle: bool = False,
    seed: int = 0,
) -> tf.data.Dataset:
    """Return a dataset for training or evaluating a masked language model.

    Args:
        source: .txt files, or a source for `kerasft.data.text_classification`; see `kerasft.data.read_texts`.
        tokenizer: The checkpoint's fast tokenizer; it must have a mask token.
        columns: `{"text": ...}`, the text column of a table.
        packed: Whether to concatenate texts, with the separator token between them, and split them into blocks of
            `max_length` (the last block is shorter). Documents of a .txt file are then separated by blank lines. If False,
            each text, or line, is a row, truncated to `max_length`.
        masking: Settings for masking.
        max_length: Maximum tokens per row, including special tokens; default 128, or the tokenizer's limit if lower.
        batch_size: Rows per batch, or a `Batching`.
        shuffle: For training: make new batches in a new order, with new masks, every epoch ("dynamic masking", Liu et al.
            2019, arXiv:1907.11692, section 4.1), in the `tf.data` graph. Otherwise keep the source's order, with the same
            masks in every pass and for every batch size.
        seed: Random seed for shuffling and masking.

    Returns:
        A `tf.data.Dataset` of `(features, y, sample_weight)`: features by name, int32 (B, S); y, the original ids, int32
        (B, S); weights, 1 for selected tokens and 0 elsewhere, float32 (B, S). Special tokens and padding are never masked.

    Raises:
        DataError: If the data is invalid.
        KerasftError: If an argument is out of range, or the tokenizer has no mask token.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> train = masked_lm(["a good film", "please pay my card"], tokenizer, batch_size=2, shuffle=True)
    >>> features, y, sample_weight = next(iter(train))
    >>> features["token_ids"].shape == y.shape == sample_weight.shape
    True
    """
    batching = Batching.of(batch_size)
    masker = Masker(tokenizer, masking)
    texts = read_texts(source, columns=columns, documents=packed)
    store, words = _tokenize(Encoder(tokenizer, max_length), texts, packed=packed, whole_words=masking.whole_words)
    if not shuffle:
        flat = words + np.repeat(store.offsets[:-1], store.lengths)  # indices in the flat array
        ids, weights = masker(store.ids[None], flat[None], tf.constant([seed, 0], tf.int64))
        targets = TokenTargets(store.ids, weights.numpy()[0])
        return token_dataset(replace(store, ids=ids.numpy()[0]), batching, y=targets, shuffle=False, seed=seed)
    targets = TokenTargets(words, np.ones(len(words), np.float32))
    rows = token_dataset(store, batching, y=targets, shuffle=True, seed=seed)
    order = EpochOrder({"masking": asdict(masking), "rows": len(store.lengths), "seed": seed})

    def seeds_of(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = tf.stack([epoch, tf.constant(seed, tf.int64)])
        return tf.data.Dataset.counter().map(lambda batch: tf.random.fold_in(epoch_seed, batch))

    def mask(batch, batch_seed):
        features, word_starts, _ = batch
        ids, weights = masker(features[TOKEN_IDS], word_starts, batch_seed)
        return {**features, TOKEN_IDS: ids}, features[TOKEN_IDS], weights

    batches = tf.data.Dataset.zip(rows, order.epochs().flat_map(seeds_of))
    masked = batches.map(mask, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return masked.apply(tf.data.experimental.assert_cardinality(len(rows))).prefetch(tf.data.AUTOTUNE)


class Masker:
    """Masks batches of token ids.

    Args:
        tokenizer: Provides the mask token and the special tokens.
        masking: Settings for masking.

    Raises:
        KerasftError: If the tokenizer has no mask token.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> ids = tf.constant([[2, 50, 51, 3]])
    >>> masked, chosen = Masker(tokenizer, Masking(rate=0.999, mask_share=1, random_share=0))(ids, [[0, 1, 2, 3]], [0, 0])
    >>> masked.numpy().tolist(), chosen.numpy().tolist()
    ([[2, 4, 4, 3]], [[0.0, 1.0, 1.0, 0.0]])
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, masking: Masking):
        if tokenizer.mask_token_id is None:
            fix = "GPT-2 and T5 have none: train them with kerasft.data.causal_lm or sequence_to_sequence."
            raise bad_argument("tokenizer", "a tokenizer with a mask token", type(tokenizer).__name__, fix)
        self.masking = masking
        self.mask_id = int(tokenizer.mask_token_id)
        self.is_special = np.isin(np.arange(len(tokenizer)), tokenizer.all_special_ids)
        self.ordinary = np.flatnonzero(~self.is_special).astype(np.int32)

    def __call__(self, ids: tf.Tensor, words: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mask a batch.

        Args:
            ids: Token ids, int32 (B, S).
            words: Start position of each token's word in its row, (B, S); without whole words, the token's own position.
            seed: Random seed, two integers, (2,).

        Returns:
            The masked ids, int32 (B, S), and 1 for selected tokens, float32 (B, S).
        """
        seeds = tf.random.split(seed, 3)
        noise = tf.random.stateless_uniform(tf.shape(ids), seeds[0])  # (B, S)
        chosen = tf.gather(noise, words, batch_dims=1) < self.masking.rate
        chosen &= ~tf.gather(tf.constant(self.is_special), ids)
        action = tf.random.stateless_uniform(tf.shape(ids), seeds[1])
        random_ids = tf.random.stateless_uniform(tf.shape(ids), seeds[2], 0, len(self.ordinary), tf.int32)
        random_ids = tf.gather(tf.constant(self.ordinary), random_ids)
        masked = tf.where(action < self.masking.mask_share + self.masking.random_share, random_ids, ids)
        masked = tf.where(action < self.masking.mask_share, self.mask_id, masked)
        return tf.where(chosen, masked, ids), tf.cast(chosen, tf.float32)


def _tokenize(
    encoder: Encoder, texts: Sequence[str], *, packed: bool, whole_words: bool
) -> tuple[TokenStore, np.ndarray]:
    """Return rows of tokens, and the start position of each token's word in its row, int32 (tokens,)."""
    tokenizer = encoder.tokenizer
    limits = {} if packed else {"truncation": True, "max_length": encoder.max_length}
    rows = []
    begins = []
    truncated = 0
    # Only the encodings are used: making the lists of transformers' output would double the time.
    options = {"return_attention_mask": False, "return_token_type_ids": False, "verbose": False}
    with progress_bar(len(texts)) as bar:
        for start in range(0, len(texts), CHUNK):
            chunk = texts[start : start + CHUNK]
            encodings = tokenizer(chunk, add_special_tokens=not packed, **options, **limits).encodings
            rows += [np.array(encoding.ids, np.int32) for encoding in encodings]
            begins += [_begins(encoding.word_ids, whole_words) for encoding in encodings]
            truncated += sum(bool(encoding.overflowing) for encoding in encodings)
            bar.update(len(chunk))
    encoder.report(truncated, len(texts))
    if packed:
        rows, begins = _blocks(encoder, rows, begins)
    lengths = np.array([len(row) for row in rows], np.int32)
    word_starts = [np.maximum.accumulate(np.where(begin, np.arange(len(begin)), 0)) for begin in begins]
    store = TokenStore(
        np.concatenate(rows), lengths, lengths, encoder.segments, encoder.pad_id, encoder.max_length, truncated
    )
    return store, np.concatenate(word_starts).astype(np.int32)


def _begins(word_ids: list[int | None], whole_words: bool) -> np.ndarray:
    """Whether each token starts a word, bool (tokens,); each special token is a word of its own."""
    if not whole_words:
        return np.ones(len(word_ids), bool)
    return np.array([w is None or i == 0 or w != word_ids[i - 1] for i, w in enumerate(word_ids)], bool)


def _blocks(encoder: Encoder, rows: list[np.ndarray], begins: list[np.ndarray]) -> tuple[list, list]:
    """Concatenate all texts, with separators, and split them into blocks with special tokens."""
    first, last = encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id
    if first is None or last is None:
        raise bad_argument(
            "tokenizer",
            "a tokenizer with CLS (or BOS) and SEP tokens",
            type(encoder.tokenizer).__name__,
            "Use packed=False.",
        )
    one = np.ones(1, bool)
    ids = np.concatenate([part for row in rows for part in (row, np.array([last], np.int32))])[:-1]
    begin = np.concatenate([part for row in begins for part in (row, one)])[:-1]
    cuts = range(encoder.max_length - 2, len(ids), encoder.max_length - 2)
    rows = [np.concatenate([[first], part, [last]]).astype(np.int32) for part in np.split(ids, cuts)]
    # A word that is split by a block boundary counts as two words.
    begins = [np.concatenate([one, part[:1] | True, part[1:], one]) for part in np.split(begin, cuts)]
    return rows, begins
