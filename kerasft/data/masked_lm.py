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
    """Which tokens are masked, and how (Devlin et al. 2019, arXiv:1810.04805, section 3.1 and appendix A.1).

    Args:
        rate: Share of the words (or tokens) that the model is asked for, in (0, 1). Each is drawn by itself.
        whole_words: Whether all tokens of a word are masked together (Cui et al. 2021, arXiv:1906.08101). What a word is,
            the tokenizer says: for most, what stands between spaces and punctuation.
        mask_share: Of the chosen tokens the share that becomes the mask token;
        random_share: the share that becomes a random token; the others stay as they are.

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
    """Make the dataset that a masked language model is trained on, or is measured on.

    Args:
        source: .txt files, or what `kerasft.data.text_classification` reads; see `kerasft.data.read_texts`.
        tokenizer: The checkpoint's fast tokenizer; it needs a mask token.
        columns: `{"text": ...}`, which column of a table.
        packed: Whether texts are put one after the other, with the separator token between them, and cut into blocks of
            `max_length`, the remainder kept as a shorter block. A .txt file then holds documents between blank lines. Else
            each text, or line, is a row, cut at `max_length`.
        masking: Which tokens are masked.
        max_length: Tokens of a row, special tokens included; default 128, or the tokenizer's limit if less.
        batch_size: Rows in a batch, or a `Batching`.
        shuffle: To train: new batches in a new order, and newly drawn masks, in every epoch ("dynamic masking", Liu et al.
            2019, arXiv:1907.11692, section 4.1), drawn in the `tf.data` graph. Else the order is the source's, and the masks
            are the same in every pass and for every batch size.
        seed: Seed of order and masks.

    Returns:
        A `tf.data.Dataset` of `(features, y, sample_weight)`: int32 (B, S) by name; the original ids, int32 (B, S); 1 where
        the model is asked, 0 elsewhere, float32 (B, S). Special tokens and padding are never masked.

    Raises:
        DataError: If the data cannot be used.
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
        flat = words + np.repeat(store.offsets[:-1], store.lengths)  # places in the whole array
        ids, weights = masker(store.ids[None], flat[None], tf.constant([seed, 0], tf.int64))
        targets = TokenTargets(store.ids, weights.numpy()[0])
        return token_dataset(replace(store, ids=ids.numpy()[0]), batching, y=targets, shuffle=False, seed=seed)
    targets = TokenTargets(words, np.ones(len(words), np.float32))
    rows = token_dataset(store, batching, y=targets, shuffle=True, seed=seed)
    order = EpochOrder({"masking": asdict(masking), "rows": len(store.lengths), "seed": seed})

    def seeds_of(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = tf.stack([epoch, tf.constant(seed, tf.int64)])
        return tf.data.Dataset.counter().map(lambda batch: tf.random.fold_in(epoch_seed, batch))

    def mask(batch, draw):
        features, place, _ = batch
        ids, weights = masker(features[TOKEN_IDS], place, draw)
        return {**features, TOKEN_IDS: ids}, features[TOKEN_IDS], weights

    batches = tf.data.Dataset.zip(rows, order.epochs().flat_map(seeds_of))
    masked = batches.map(mask, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return masked.apply(tf.data.experimental.assert_cardinality(len(rows))).prefetch(tf.data.AUTOTUNE)


class Masker:
    """Masks batches of ids.

    Args:
        tokenizer: Says which id masks, and which tokens are special.
        masking: Which tokens are masked, and how.

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
            raise bad_argument("tokenizer", "one with a mask token", type(tokenizer).__name__, fix)
        self.masking = masking
        self.mask_id = int(tokenizer.mask_token_id)
        self.is_special = np.isin(np.arange(len(tokenizer)), tokenizer.all_special_ids)
        self.ordinary = np.flatnonzero(~self.is_special).astype(np.int32)

    def __call__(self, ids: tf.Tensor, words: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mask a batch.

        Args:
            ids: Token ids, int32 (B, S).
            words: The place in its row where each token's word begins, (B, S); without whole words its own place.
            seed: Two integers, (2,).

        Returns:
            The masked ids, int32 (B, S), and 1 where one was chosen, float32 (B, S).
        """
        seeds = tf.random.split(seed, 3)
        drawn = tf.random.stateless_uniform(tf.shape(ids), seeds[0])  # (B, S)
        chosen = tf.gather(drawn, words, batch_dims=1) < self.masking.rate
        chosen &= ~tf.gather(tf.constant(self.is_special), ids)
        what = tf.random.stateless_uniform(tf.shape(ids), seeds[1])
        other = tf.random.stateless_uniform(tf.shape(ids), seeds[2], 0, len(self.ordinary), tf.int32)
        other = tf.gather(tf.constant(self.ordinary), other)
        masked = tf.where(what < self.masking.mask_share + self.masking.random_share, other, ids)
        masked = tf.where(what < self.masking.mask_share, self.mask_id, masked)
        return tf.where(chosen, masked, ids), tf.cast(chosen, tf.float32)


def _tokenize(
    encoder: Encoder, texts: Sequence[str], *, packed: bool, whole_words: bool
) -> tuple[TokenStore, np.ndarray]:
    """Rows of tokens, and for each token the place in its row where its word begins, int32 (tokens,)."""
    tokenizer = encoder.tokenizer
    limits = {} if packed else {"truncation": True, "max_length": encoder.max_length}
    rows = []
    begins = []
    truncated = 0
    # Only the encodings are read: the lists that transformers makes of them would take as long again.
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
    places = [np.maximum.accumulate(np.where(begin, np.arange(len(begin)), 0)) for begin in begins]
    store = TokenStore(
        np.concatenate(rows), lengths, lengths, encoder.segments, encoder.pad_id, encoder.max_length, truncated
    )
    return store, np.concatenate(places).astype(np.int32)


def _begins(word_ids: list[int | None], whole_words: bool) -> np.ndarray:
    """Where a word begins, bool (tokens,); special tokens belong to no word and stand alone."""
    if not whole_words:
        return np.ones(len(word_ids), bool)
    return np.array([w is None or i == 0 or w != word_ids[i - 1] for i, w in enumerate(word_ids)], bool)


def _blocks(encoder: Encoder, rows: list[np.ndarray], begins: list[np.ndarray]) -> tuple[list, list]:
    """All texts with separators between them, cut into blocks with the special tokens around each."""
    first, last = encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id
    if first is None or last is None:
        raise bad_argument(
            "tokenizer", "one with CLS (or BOS) and SEP tokens", type(encoder.tokenizer).__name__, "Use packed=False."
        )
    one = np.ones(1, bool)
    ids = np.concatenate([part for row in rows for part in (row, np.array([last], np.int32))])[:-1]
    begin = np.concatenate([part for row in begins for part in (row, one)])[:-1]
    cuts = range(encoder.max_length - 2, len(ids), encoder.max_length - 2)
    rows = [np.concatenate([[first], part, [last]]).astype(np.int32) for part in np.split(ids, cuts)]
    # A word split by a block boundary starts again after it.
    begins = [np.concatenate([one, part[:1] | True, part[1:], one]) for part in np.split(begin, cuts)]
    return rows, begins
