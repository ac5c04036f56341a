"""A WordPiece tokenizer as TensorFlow operations, for models that take strings.

The graph produces the ids of the checkpoint's own fast tokenizer: characters go through a table extracted from that
tokenizer (`character_map.py`), words through `tensorflow_text.FastWordpieceTokenizer`, an exact longest-match-first
WordPiece (Song et al. 2021, https://arxiv.org/abs/2012.15524). To load a SavedModel with such a graph,
`import tensorflow_text` first; TensorFlow Serving has its operations built in. LiteRT does not support them.
"""

import re

import tensorflow as tf
import tensorflow_text as tf_text
from tokenizers import models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from kerasft.errors import bad_argument
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS
from kerasft.tokenizers.character_map import ITSELF, NOTHING, PAGE_SIZE, character_map

# Placeholders for special tokens in texts. BERT's normalizer deletes private-use characters, so texts cannot contain them.
_STAND_IN = 0xF0000
_DELETED = "\ufffd"


def unsupported_reason(tokenizer: PreTrainedTokenizerFast) -> str | None:
    """Return why a tokenizer cannot run in a graph with exactly equal ids; None if it can.

    Args:
        tokenizer: A fast tokenizer.

    Returns:
        A clause such as "its model is BPE, not WordPiece", or None.

    Example:

    >>> from tokenizers import Tokenizer, models
    >>> unsupported_reason(PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE())))
    'its model is BPE, not WordPiece'
    """
    backend = tokenizer.backend_tokenizer
    if not isinstance(backend.model, models.WordPiece):
        return f"its model is {type(backend.model).__name__}, not WordPiece"
    if not isinstance(backend.normalizer, normalizers.BertNormalizer) or not backend.normalizer.clean_text:
        return f"its normalizer is {backend.normalizer}, not BertNormalizer with clean_text"
    if not isinstance(backend.pre_tokenizer, pre_tokenizers.BertPreTokenizer):
        return f"its pre-tokenizer is {backend.pre_tokenizer}, not BertPreTokenizer"
    if tokenizer.padding_side != "right" or tokenizer.truncation_side != "right":
        return "it pads or truncates on the left"
    if tokenizer.pad_token_id is None or backend.token_to_id(backend.model.unk_token) is None:
        return "it lacks a padding or an unknown token"
    return _unsupported_added_token(backend.get_added_tokens_decoder().values())


def _unsupported_added_token(added) -> str | None:
    contents = [token.content for token in added]
    for token in added:
        if token.normalized or token.single_word:
            return f"its added token {token.content!r} is matched in normalized text, or as a whole word only"
        if token.content.isalnum():
            return f"its added token {token.content!r} looks like an ordinary word"
    for first in contents:
        for second in contents:
            if first != second and (first in second or any(first.endswith(second[:n]) for n in range(1, len(second)))):
                return f"its added tokens {first!r} and {second!r} overlap"
    return None


class InGraphTokenizer(tf.Module):
    """Texts to model inputs inside a TensorFlow graph, with the ids of the given tokenizer.

    Pairs are truncated longest first, as the tokenizer does. Special token strings inside a text ("[SEP]") become
    those tokens, as in the tokenizer. Bytes that are not UTF-8 are dropped.

    Args:
        tokenizer: The checkpoint's fast tokenizer: WordPiece with BERT's normalizer (BERT, DistilBERT, ELECTRA, MiniLM).
        max_length: Maximum length, including special tokens; longer texts are truncated.

    Raises:
        KerasftError: If the tokenizer is not supported exactly, or `max_length` is too small for a token.

    Example:

    >>> from tokenizers import Tokenizer, processors
    >>> vocabulary = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "good": 4, "##ness": 5}
    >>> backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    >>> backend.normalizer, backend.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    >>> backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    >>> tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]")
    >>> InGraphTokenizer(tokenizer, max_length=8)(tf.constant(["Goodness", ""]))["token_ids"].numpy().tolist()
    [[2, 4, 5, 3], [2, 3, 0, 0]]
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, max_length: int):
        super().__init__(name="in_graph_tokenizer")
        reason = unsupported_reason(tokenizer)
        if reason:
            raise bad_argument("tokenizer", "one that can run in a TensorFlow graph", reason, "Omit this signature.")
        self.max_length = max_length
        self._pad_id = tokenizer.pad_token_id
        self._templates = [_template(tokenizer, count) for count in (1, 2)]
        room = max_length - max(sum(item is not None for item, _ in template) for template in self._templates)
        if room < 1:
            raise bad_argument(
                "max_length", "large enough for special tokens and text", max_length, "For example: max_length=128."
            )
        backend = tokenizer.backend_tokenizer
        self._table = character_map(backend.normalizer)
        self._longest_word = backend.model.max_input_chars_per_word
        added = backend.get_added_tokens_decoder()
        self._special = {token.content: chr(_STAND_IN + i) for i, token in enumerate(added.values())}
        self._unknown = self._special.get(backend.model.unk_token, backend.model.unk_token)
        self._wordpiece = tf_text.FastWordpieceTokenizer(
            vocab=_vocabulary(backend, self._special),
            suffix_indicator=backend.model.continuing_subword_prefix,
            max_bytes_per_word=4 * self._longest_word + 1,  # longer words never reach it: see _words
            token_out_type=tf.int32,
            unknown_token=self._unknown,
            no_pretokenization=True,
        )

    def __call__(
        self, texts: tf.Tensor, pairs: tf.Tensor | None = None, *, length: int | None = None
    ) -> dict[str, tf.Tensor]:
        """Tokenize a batch.

        Args:
            texts: Strings, (B,).
            pairs: Strings, (B,): the second text of each pair.
            length: Length S to pad to; `None`: the longest row of the batch.

        Returns:
            `token_ids`, `padding_mask` and `segment_ids`, int32, (B, S).
        """
        sequences = [self._tokens(texts)] + ([] if pairs is None else [self._tokens(pairs)])
        template = self._templates[len(sequences) - 1]
        room = self.max_length - sum(item is not None for item, _ in template)
        sequences = _truncate(sequences, room)
        batch_size = tf.size(texts)
        ids = []
        segments = []
        position = 0
        for special, segment in template:
            if special is None:
                piece = sequences[position]
                position += 1
            else:
                piece = tf.RaggedTensor.from_tensor(tf.fill([batch_size, 1], special))
            ids.append(piece)
            segments.append(tf.ones_like(piece) * segment)
        ids, segments = tf.concat(ids, axis=1), tf.concat(segments, axis=1)  # ragged (B, S)
        shape = (None, length)
        return {
            TOKEN_IDS: ids.to_tensor(self._pad_id, shape=shape),
            PADDING_MASK: tf.ones_like(ids).to_tensor(0, shape=shape),
            SEGMENT_IDS: segments.to_tensor(0, shape=shape),
        }

    def _tokens(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Return the ids without special tokens, ragged (B, T)."""
        words = self._words(texts)  # ragged (B, W)
        pieces = self._wordpiece.tokenize(words.values)  # ragged (words, pieces)
        return words.with_values(pieces).merge_dims(1, 2)

    def _words(self, texts: tf.Tensor) -> tf.RaggedTensor:
        stand_ins = "".join(self._special.values())
        if stand_ins:
            texts = tf.strings.regex_replace(texts, f"[{stand_ins}]", _DELETED)
        for content, stand_in in self._special.items():
            texts = tf.strings.regex_replace(texts, re.escape(content), stand_in)
        codes = tf.strings.unicode_decode(texts, "UTF-8")  # ragged (B, characters)
        words = tf.strings.split(tf.strings.unicode_encode(self._normalized(codes), "UTF-8"))  # ragged (B, W)
        too_long = tf.strings.length(words.values, unit="UTF8_CHAR") > self._longest_word
        return words.with_values(tf.where(too_long, self._unknown, words.values))

    def _normalized(self, codes: tf.RaggedTensor) -> tf.RaggedTensor:
        page = tf.gather(self._table.page_of_code, codes.values // PAGE_SIZE)
        row = tf.gather_nd(self._table.pages, tf.stack([page, codes.values % PAGE_SIZE], axis=-1))
        outputs = tf.gather(self._table.outputs, row)  # (characters, K)
        if self._special:
            stands_in = (codes.values >= _STAND_IN) & (codes.values < _STAND_IN + len(self._special))
            word = tf.constant([ord(" "), ITSELF, ord(" ")] + [NOTHING] * (self._table.outputs.shape[1] - 3))
            outputs = tf.where(stands_in[:, tf.newaxis], word, outputs)
        outputs = tf.where(outputs == ITSELF, codes.values[:, tf.newaxis], outputs)
        valid = tf.ragged.boolean_mask(outputs, outputs != NOTHING)  # ragged (characters, 0..K)
        return codes.with_values(valid).merge_dims(1, 2)


def _template(tokenizer: PreTrainedTokenizerFast, count: int) -> list[tuple[int | None, int]]:
    """Positions of special tokens: (special id, or None for a text; segment) in order, from an encoded example."""
    unknown = tokenizer.backend_tokenizer.model.unk_token
    encoding = tokenizer(*[[unknown]] * count, return_token_type_ids=True)
    owners = encoding.sequence_ids(0)
    ids, segments = encoding["input_ids"][0], encoding["token_type_ids"][0]
    return [(None if owner is not None else token, segment) for token, owner, segment in zip(ids, owners, segments)]


def _vocabulary(backend, special: dict[str, str]) -> list[str]:
    """Return the token of each id, with placeholders for special tokens, and impossible words in gaps."""
    token_of_id = {index: token for token, index in backend.get_vocab(with_added_tokens=True).items()}
    tokens = [token_of_id.get(index) or f" {index}" for index in range(max(token_of_id) + 1)]
    return [special.get(token, token) for token in tokens]


def _truncate(sequences: list[tf.RaggedTensor], room: int) -> list[tf.RaggedTensor]:
    """Truncate one or two sequences to `room` tokens in total, longest first, as in `tokenizers` (truncate_encodings)."""
    if len(sequences) == 1:
        return [sequences[0][:, :room]]
    first, second = (tf.cast(sequence.row_lengths(), tf.int32) for sequence in sequences)  # (B,)
    shorter = tf.minimum(first, second)
    longer = tf.where(shorter > room, shorter, tf.maximum(shorter, room - shorter))
    both_truncated = shorter + longer > room
    shorter = tf.where(both_truncated, room // 2, shorter)
    longer = tf.where(both_truncated, room // 2 + room % 2, longer)
    fits = first + second <= room
    limits = (tf.where(first > second, longer, shorter), tf.where(first > second, shorter, longer))
    return [_truncate_rows(sequence, tf.where(fits, room, limit)) for sequence, limit in zip(sequences, limits)]


def _truncate_rows(sequence: tf.RaggedTensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    position = tf.ragged.range(tf.cast(sequence.row_lengths(), tf.int32))  # ragged (B, T)
    return tf.ragged.boolean_mask(sequence, position < tf.expand_dims(lengths, 1))
