"""Text generation from prompts with a trained GPT-2 or T5."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft.errors import CheckpointError, bad_argument, whole_number
from kerasft.generation import beam, sampling
from kerasft.generation.cached_gpt2 import CachedGPT2
from kerasft.generation.cached_t5 import CachedT5
from kerasft.generation.logits_processing import NOT_FINITE, Numbers, Rules
from kerasft.generation.options import Generated, GenerationOptions
from kerasft.generation.sampling import Requests

_DECODERS = {"causal_lm": CachedGPT2, "sequence_to_sequence": CachedT5}
GREEDY = GenerationOptions()
"""The default: greedy search, at most 128 new tokens."""
_CHUNK = 8  # tokens generated between two checks for stop strings


class Generator:
    """Generates texts with a key/value cache, in graphs traced once for all lengths.

    A text does not depend on the other texts in the batch, nor on calls in other threads.

    Args:
        model: A `kerasft.heads.causal_lm` on GPT-2, whose prompts are continued, or a
            `kerasft.heads.sequence_to_sequence` on T5, whose prompts are sources. The current weights are used
            at each call, so the model can be trained between calls.
        tokenizer: Its tokenizer, for the end token and for decoding.

    Raises:
        KerasftError: If the model is neither of these.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> from kerasft.backbones import GPT2Config, gpt2
    >>> from kerasft.heads import causal_lm
    >>> sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 32}
    >>> generate = Generator(causal_lm(gpt2(GPT2Config(vocabulary_size=len(tokenizer), **sizes))), tokenizer)
    >>> [len(text.token_ids) for text in generate([[5, 6, 7], [8]], GenerationOptions(max_new_tokens=4))]
    [4, 4]
    """

    def __init__(self, model: keras.Model, tokenizer: PreTrainedTokenizerFast):
        if model.name not in _DECODERS:
            raise bad_argument(
                "model",
                "built by kerasft.heads.causal_lm or kerasft.heads.sequence_to_sequence",
                model.name,
                "Build one with these functions.",
            )
        self.tokenizer = tokenizer
        self.end_id = -1 if tokenizer.eos_token_id is None else int(tokenizer.eos_token_id)
        self._decoder = _DECODERS[model.name](model)
        self._functions: dict[Rules, tuple] = {}
        self._one_trace = threading.Lock()

    @property
    def max_length(self) -> int | None:
        """Maximum number of positions, for prompt and new tokens together; None: no limit."""
        return self._decoder.max_length

    def __call__(
        self,
        prompts: Sequence[Sequence[int]],
        options: GenerationOptions = GREEDY,
        *,
        batch_size: int = 8,
    ) -> list[Generated]:
        """Generate one text per prompt.

        Args:
            prompts: N lists of token ids: for GPT-2 the text to continue, for T5 the source with its end token.
            options: Generation options.
            batch_size: Prompts per batch; prompts of similar length are batched together.

        Returns:
            N texts, in the prompts' order. Those with `finished=False` reached `max_new_tokens` or the model's maximum
            number of positions.

        Raises:
            KerasftError: If a prompt is empty, or so long that no position is left.
        """
        whole_number("batch_size", batch_size, "8 is usual.")
        rows = [self._checked(prompt, number) for number, prompt in enumerate(prompts, 1)]
        seeds = _seeds(rows, options.seed)
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        texts: dict[int, Generated] = {}
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            requests = self._requests([rows[row] for row in batch], [seeds[row] for row in batch], options)
            texts.update(zip(batch, self._generate(requests, options)))
        return [texts[row] for row in range(len(rows))]

    def stream(self, prompt: Sequence[int], options: GenerationOptions = GREEDY) -> Iterator[int]:
        """Yield the tokens of one text as they are generated: the same tokens as `__call__` returns.

        Args:
            prompt: Token ids.
            options: Generation options; not beam search, whose text is complete only at the end.

        Yields:
            Token ids. With stop strings, a token is held back while it may be the start of one.

        Raises:
            KerasftError: See `__call__`, or for beam search.
        """
        if options.method == "beam":
            raise bad_argument(
                "method", "'greedy' or 'sample' to stream", "beam", "A beam search's text is complete only at the end."
            )
        rows = [self._checked(prompt, 1)]
        return self._stream(self._requests(rows, _seeds(rows, options.seed), options), options)

    def _stream(self, requests: Requests, options: GenerationOptions) -> Iterator[int]:
        begin, advance = self._compiled(options)
        numbers = Numbers.of(options, self.end_id)
        paths = begin(requests, numbers)
        start = int(paths.history.length) - 1
        pending: list[int] = []
        token_ids: list[int] = []
        for count in range(1, int(requests.limits[0]) + 1):
            if count > 1:
                paths = advance(paths, requests, numbers, tf.constant(count))
            token = int(paths.history.token_ids[0, start + count - 1])
            if token == self.end_id:
                break
            token_ids.append(token)
            pending.append(token)
            text = self._text(token_ids)
            offset = _first_stop(text, options.stop)
            if offset is not None:
                kept = self._tokens_before(token_ids, offset)
                yield from pending[: max(0, len(kept) - (len(token_ids) - len(pending)))]
                return
            if not _may_begin_a_stop(text, options.stop):
                yield from pending
                pending = []
        yield from pending

    def _checked(self, prompt: Sequence[int], number: int) -> list[int]:
        ids = [int(token) for token in prompt]
        if not ids:
            raise bad_argument("prompts", "non-empty lists of token ids", prompt, f"Prompt {number} is empty.")
        longest = self._decoder.max_length
        if longest is not None and len(ids) >= longest:
            fix = f"Truncate prompt {number} from the left to leave room for new tokens."
            raise bad_argument("prompts", f"shorter than the model's {longest} positions", len(ids), fix)
        return ids

    def _requests(self, rows: list[list[int]], seeds: list[int], options: GenerationOptions) -> Requests:
        length = max(map(len, rows))
        longest = self._decoder.max_length
        token_ids = np.zeros((len(rows), length), np.int32)
        padding_mask = np.zeros_like(token_ids)
        for index, row in enumerate(rows):
            token_ids[index, length - len(row) :] = row
            padding_mask[index, length - len(row) :] = 1
        limits = [min(options.max_new_tokens, (longest or 10**9) - len(row)) for row in rows]
        uniforms = np.zeros((len(rows), max(limits)), np.float32)
        if options.method == "sample":
            for index, seed in enumerate(seeds):
                # 24 bits: a float32 below 1.
                integers = np.random.Generator(np.random.Philox(seed)).integers(0, 2**24, options.max_new_tokens)
                uniforms[index] = integers[: max(limits)] / 2**24
        return Requests(*map(tf.constant, (token_ids, padding_mask, np.array(limits, np.int32), uniforms)))

    def _compiled(self, options: GenerationOptions) -> tuple:
        """Return the `begin` and `advance` functions for these rules, traced once with dynamic shapes."""
        rules = Rules.of(options)
        with self._one_trace:
            if rules not in self._functions:
                self._functions[rules] = self._traced(rules, options)
        return self._functions[rules]

    def _traced(self, rules: Rules, options: GenerationOptions) -> tuple:
        method = beam if rules.method == "beam" else sampling
        decoder = self._decoder
        numbers = tf.nest.map_structure(tf.TensorSpec.from_tensor, Numbers.of(options, self.end_id))
        requests = Requests(
            tf.TensorSpec((None, None), tf.int32),
            tf.TensorSpec((None, None), tf.int32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None, None), tf.float32),
        )
        begin = tf.function(
            lambda requests, numbers: method.begin(decoder, requests, rules=rules, numbers=numbers),
            input_signature=(requests, numbers),
        )
        state = begin.get_concrete_function().structured_outputs
        state = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), state)
        advance = tf.function(
            lambda state, requests, numbers, until: method.advance(
                decoder, state, requests=requests, rules=rules, numbers=numbers, until=until
            ),
            input_signature=(state, requests, numbers, tf.TensorSpec((), tf.int32)),
        )
        # Traced here, not at the first call, where several threads could trace the same layers at once.
        advance.get_concrete_function()
        return _finite(begin), _finite(advance)

    def _generate(self, requests: Requests, options: GenerationOptions) -> list[Generated]:
        begin, advance = self._compiled(options)
        numbers = Numbers.of(options, self.end_id)
        state = begin(requests, numbers)
        if options.method == "beam":
            return self._beams(
                advance(state, requests, numbers, tf.constant(options.max_new_tokens)), requests, options
            )
        start = int(state.history.length) - 1
        total = int(requests.uniforms.shape[1])
        step = _CHUNK if options.stop else total
        for until in [*range(step, total, step), total]:
            state = advance(state, requests, numbers, tf.constant(until))
            rows = state.history.token_ids[:, start : int(state.history.length)].numpy()
            texts = [self._generated(row, int(limit), options) for row, limit in zip(rows, requests.limits)]
            done = [bool(done) or text.finished for done, text in zip(state.done, texts)]
            if all(done):
                break
            state = state._replace(done=tf.constant(done))
        return texts

    def _beams(self, state, requests: Requests, options: GenerationOptions) -> list[Generated]:
        rows, scores = beam.best(state)
        texts = []
        for row, score, limit in zip(rows.numpy(), scores.numpy(), requests.limits):
            texts.append(self._generated(row, int(limit), options, score=float(score)))
        return texts

    def _generated(
        self, row: np.ndarray, limit: int, options: GenerationOptions, score: float | None = None
    ) -> Generated:
        """Truncate the new tokens at the end token, at the limit, and before a stop string."""
        token_ids = row[:limit].tolist()
        finished = self.end_id in token_ids
        if finished:
            token_ids = token_ids[: token_ids.index(self.end_id)]
        text = self._text(token_ids)
        offset = _first_stop(text, options.stop)
        if offset is not None:
            token_ids = self._tokens_before(token_ids, offset)
            text = text[:offset]
            finished = True
        return Generated(token_ids, finished, score, text)

    def _tokens_before(self, token_ids: list[int], offset: int) -> list[int]:
        """Return the tokens whose text ends at or before this character offset."""
        count = len(token_ids)
        while count and len(self._text(token_ids[:count])) > offset:
            count -= 1
        return token_ids[:count]

    def _text(self, token_ids: list[int]) -> str:
        return self.tokenizer.decode(token_ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def _finite(function: Callable) -> Callable:
    """Wrap a traced function to raise a `CheckpointError` if the model's logits are NaN or infinite."""

    def checked(*args):
        try:
            return function(*args)
        except tf.errors.InvalidArgumentError as error:
            if NOT_FINITE not in str(error):
                raise
            raise CheckpointError(
                "The model's logits must be finite; received: NaN or infinity. Its weights are corrupted, or overflow in its "
                "precision: train it again."
            ) from error

    return checked


def _seeds(rows: list[list[int]], seed: int) -> list[int]:
    """Return one seed per prompt, from the user's seed, the prompt, and its number of previous occurrences in this call."""
    counts: dict[tuple[int, ...], int] = {}
    seeds = []
    for row in rows:
        count = counts[tuple(row)] = counts.get(tuple(row), 0) + 1
        digest = hashlib.sha256(np.array([seed, count, *row], np.int64).tobytes()).digest()
        seeds.append(int.from_bytes(digest[:16], "little"))
    return seeds


def _first_stop(text: str, stop: tuple[str, ...]) -> int | None:
    offsets = [text.find(string) for string in stop if string in text]
    return min(offsets) if offsets else None


def _may_begin_a_stop(text: str, stop: tuple[str, ...]) -> bool:
    return any(text.endswith(string[:size]) for string in stop for size in range(1, len(string)))
