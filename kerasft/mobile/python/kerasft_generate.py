"""Generate tokens with a LiteRT file of `kerasft.export.litert_generation`. Requires only numpy and ai-edge-litert.

This is the complete decoding loop, including sampling and the prefill of long prompts, written to be read and ported. It
generates the same tokens as the Keras model. For texts see `kerasft_writer.py`.
"""

import hashlib
import json
import pathlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

try:
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.options import Options
except ImportError:  # a runtime before 2.0
    CompiledModel = None
from ai_edge_litert.interpreter import Interpreter

NEVER = np.float32(-1e9)
"""The logit of a token that must not be generated."""
DEFAULTS = {
    "max_new_tokens": 128,
    "min_new_tokens": 0,
    "method": "greedy",
    "temperature": 1.0,
    "top_k": None,
    "top_p": None,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "seed": 0,
}
"""Generation options, as in `kerasft.generation.GenerationOptions`."""


class Generator:
    """Generates tokens. Thread-safe: each text has its own cache, also in concurrent streams; steps are serialized.

    Args:
        folder: A folder written by `kerasft.export.litert_generation`.
        num_threads: Threads of the runtime.
        compiled: Whether to use LiteRT's `CompiledModel`, which updates the cache in place, instead of the interpreter, which
            copies it for each token; `None`: if available.
    """

    def __init__(self, folder: str | pathlib.Path, *, num_threads: int = 2, compiled: bool | None = None):
        folder = pathlib.Path(folder)
        self.signature = json.loads((folder / "signature.json").read_text("utf-8"))
        facts = self.signature["generation"]
        self.end_id: int = -1 if facts["end_token_id"] is None else facts["end_token_id"]
        self.cache_length: int = facts["cache_length"]
        self.defaults: dict[str, Any] = {**DEFAULTS, **facts["options"]}
        compiled = CompiledModel is not None if compiled is None else compiled
        self._file = (_Compiled if compiled else _Interpreted)(str(folder / "model.tflite"), num_threads)

    def __call__(self, prompt: Sequence[int], **options: Any) -> dict[str, Any]:
        """Generate one text.

        Args:
            prompt: Token ids: for GPT-2 the prompt, for T5 the source including its end token.
            **options: Override the exported options; see `DEFAULTS`.

        Returns:
            `token_ids`, the new tokens without the end token, and `finished`: whether the end token was generated.
        """
        token_ids = list(self._generate(prompt, options))
        finished = bool(token_ids) and token_ids[-1] == self.end_id
        return {"token_ids": token_ids[:-1] if finished else token_ids, "finished": finished}

    def stream(self, prompt: Sequence[int], **options: Any) -> Iterator[int]:
        """Yield the same tokens as they are generated."""
        for token in self._generate(prompt, options):
            if token != self.end_id:
                yield token

    def new_text(self) -> "_Decoder | _EncoderDecoder":
        """Return the model with an empty cache: `begin(prompt)` and `next(token)` return the logits of the next token."""
        facts = self.signature["generation"]
        kind = _EncoderDecoder if facts["kind"] == "sequence_to_sequence" else _Decoder
        return kind(self._file, facts)

    def _generate(self, prompt: Sequence[int], given: dict[str, Any]) -> Iterator[int]:
        prompt = [int(token) for token in prompt]
        options = self._options(given)
        model = self.new_text()
        limit = min(options["max_new_tokens"], model.room(prompt))
        uniforms = _uniforms(prompt, options) if options["method"] == "sample" else None
        history = model.history(prompt)
        logits = model.begin(prompt)  # (V,)
        for number in range(limit):
            scores = _adjust(logits, history, options)
            if number < options["min_new_tokens"] and self.end_id >= 0:
                scores[self.end_id] = NEVER
            token = int(scores.argmax()) if uniforms is None else draw(scores, uniforms[number], options)
            yield token
            if token == self.end_id or number + 1 == limit:
                return
            history.append(token)
            logits = model.next(token)

    def _options(self, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            if name not in DEFAULTS:
                raise ValueError(f"unknown option {name!r}; expected one of {', '.join(DEFAULTS)}")
        options = {**self.defaults, **given}
        if options["method"] not in ("greedy", "sample"):
            raise ValueError(f"method must be 'greedy' or 'sample'; received: {options['method']!r}")
        if options["method"] == "greedy" and any(given.get(name) for name in ("top_k", "top_p")):
            raise ValueError("top_k and top_p require method='sample'")
        for name, least in (("max_new_tokens", 1), ("temperature", 1e-6), ("repetition_penalty", 1e-6)):
            if not options[name] >= least:
                raise ValueError(f"{name} must be {least:g} or more; received: {options[name]!r}")
        return options


class _Decoder:
    """GPT-2: `prefill_S` writes S tokens into the cache; `decode` writes one and returns the logits of the next token."""

    def __init__(self, file, facts: dict[str, Any]):
        self._file = file
        self._lengths = sorted(facts["prefill_lengths"])
        self._size = facts["cache_length"]
        self._caches = file.caches()
        self._position = 0

    def room(self, prompt: list[int]) -> int:
        if not 0 < len(prompt) < self._size:
            raise ValueError(
                f"the prompt must have 1 to {self._size - 1} tokens, since prompt and new tokens share a cache of {self._size}; "
                f"received: {len(prompt)}. Truncate it on the left, or export with a larger cache_length."
            )
        return self._size - len(prompt)

    def history(self, prompt: list[int]) -> list[int]:
        return list(prompt)

    def begin(self, prompt: list[int]) -> np.ndarray:
        self._position = 0
        rest = prompt[:-1]
        while rest:
            length = self._fitting(len(rest))
            if length is None:
                self.next(rest.pop(0))
                continue
            chunk = rest[:length]
            rest = rest[length:]
            tokens = np.zeros((1, length), np.int32)
            # Padding also writes into the cache, but is overwritten before it is used.
            tokens[0, : len(chunk)] = chunk
            positions = np.arange(self._position, self._position + length, dtype=np.int32)
            self._file.run(f"prefill_{length}", {"tokens": tokens, "input_pos": positions}, self._caches)
            self._position += len(chunk)
        return self.next(prompt[-1])

    def next(self, token: int) -> np.ndarray:
        inputs = {"tokens": np.array([[token]], np.int32), "input_pos": np.array([self._position], np.int32)}
        self._position += 1
        return self._file.run("decode", inputs, self._caches)["logits"].reshape(-1)  # (V,)

    def _fitting(self, count: int) -> int | None:
        """The shortest prefill length that fits so many tokens, else the longest; it must not exceed the cache."""
        if count == 1:
            return None  # `decode` is cheaper
        lengths = [length for length in self._lengths if self._position + length <= self._size]
        return next((length for length in lengths if length >= count), lengths[-1] if lengths else None)


class _EncoderDecoder:
    """T5: `encode_S` computes the cross-attention keys and values of the source; `decode` processes one target token."""

    def __init__(self, file, facts: dict[str, Any]):
        self._file = file
        self._lengths = sorted(facts["prefill_lengths"])
        self._size = facts["cache_length"]
        self._caches = file.caches()
        self._start = facts["start_token_id"]
        self._position, self._mask = 0, None

    def room(self, prompt: list[int]) -> int:
        if not 0 < len(prompt) <= self._lengths[-1]:
            raise ValueError(
                f"the source must have 1 to {self._lengths[-1]} tokens; received: {len(prompt)}. Truncate it, or export with "
                "larger prefill_lengths."
            )
        return self._size

    def history(self, prompt: list[int]) -> list[int]:
        return [self._start]

    def begin(self, prompt: list[int]) -> np.ndarray:
        length = next(length for length in self._lengths if length >= len(prompt))
        token_ids = np.zeros((1, length), np.int32)
        token_ids[0, : len(prompt)] = prompt
        self._mask = np.zeros((1, self._lengths[-1]), np.int32)
        self._mask[0, : len(prompt)] = 1
        inputs = {"encoder_token_ids": token_ids, "encoder_padding_mask": self._mask[:, :length].copy()}
        self._file.run(f"encode_{length}", inputs, self._caches)
        self._position = 0
        return self.next(self._start)

    def next(self, token: int) -> np.ndarray:
        inputs = {
            "tokens": np.array([[token]], np.int32),
            "input_pos": np.array([self._position], np.int32),
            "encoder_padding_mask": self._mask,
        }
        self._position += 1
        return self._file.run("decode", inputs, self._caches)["logits"].reshape(-1)  # (V,)


class _Compiled:
    """The file in a `CompiledModel`. The caches, which are both outputs and inputs of `decode`, stay in the runtime's buffers and
    are updated in place."""

    def __init__(self, path: str, num_threads: int):
        options = Options()
        options.cpu_options.num_threads = num_threads
        self._model = CompiledModel.from_file(path, options=options)
        self._lock = threading.Lock()
        self._calls: dict[str, tuple] = {}
        signatures = self._model.get_signature_list()
        details = self._model.get_input_tensor_details("decode")
        names = set(signatures["decode"]["inputs"]) & _outputs_of(signatures)
        self._shapes = {name: details[name]["shape"] for name in sorted(names)}
        for key, tensors in signatures.items():
            inputs = {
                name: self._model.create_input_buffer_by_name(key, name)
                for name in tensors["inputs"]
                if name not in names
            }
            outputs = {
                name: self._model.create_output_buffer_by_name(key, name)
                for name in tensors["outputs"]
                if name not in names
            }
            shapes = self._model.get_output_tensor_details(key)
            sizes = {name: int(np.prod(shapes[name]["shape"])) for name in outputs}
            self._calls[key] = inputs, outputs, sizes, tensors

    def caches(self) -> dict[str, Any]:
        """The caches of a new text."""
        with self._lock:
            buffers = {name: self._model.create_input_buffer_by_name("decode", name) for name in self._shapes}
            for name, shape in self._shapes.items():
                buffers[name].write(np.zeros(shape, np.float32))  # uninitialized memory may contain NaN
        return buffers

    def run(self, key: str, arrays: dict[str, np.ndarray], caches: dict[str, Any]) -> dict[str, np.ndarray]:
        inputs, outputs, sizes, tensors = self._calls[key]
        cache_inputs = {name: caches[name] for name in tensors["inputs"] if name in caches}
        cache_outputs = {name: caches[name] for name in tensors["outputs"] if name in caches}
        with self._lock:  # all texts share the other buffers
            for name, array in arrays.items():
                inputs[name].write(array)
            self._model.run_by_name(key, inputs | cache_inputs, outputs | cache_outputs)
            return {name: outputs[name].read(size, np.float32) for name, size in sizes.items()}


class _Interpreted:
    """The file in the interpreter."""

    def __init__(self, path: str, num_threads: int):
        self._interpreter = Interpreter(model_path=path, num_threads=num_threads)
        self._lock = threading.Lock()
        signatures = self._interpreter.get_signature_list()
        self._runners = {key: self._interpreter.get_signature_runner(key) for key in signatures}
        details = self._runners["decode"].get_input_details()
        names = set(details) & _outputs_of(signatures)
        self._shapes = {name: details[name]["shape"] for name in names}
        self._inputs = {key: names["inputs"] for key, names in signatures.items()}

    def caches(self) -> dict[str, Any]:
        """The caches of a new text."""
        return {name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()}

    def run(self, key: str, arrays: dict[str, np.ndarray], caches: dict[str, Any]) -> dict[str, np.ndarray]:
        cache_inputs = {name: caches[name] for name in self._inputs[key] if name in caches}
        with self._lock:
            outputs = self._runners[key](**arrays, **cache_inputs)
        caches.update({name: value for name, value in outputs.items() if name in caches})
        return {name: value for name, value in outputs.items() if name not in caches}


def _outputs_of(signatures: dict[str, dict[str, list[str]]]) -> set[str]:
    return {name for names in signatures.values() for name in names["outputs"]}


def _adjust(logits: np.ndarray, history: list[int], options: dict[str, Any]) -> np.ndarray:
    """Apply the repetition penalty and block repeated n-grams."""
    scores = np.array(logits, np.float32)
    penalty = np.float32(options["repetition_penalty"])
    size = options["no_repeat_ngram_size"]
    if penalty != 1:
        seen = np.unique(history)
        scores[seen] = np.where(scores[seen] < 0, scores[seen] * penalty, scores[seen] / penalty)
    if size and len(history) >= size:
        last = history[len(history) - size + 1 :]
        for start in range(len(history) - size + 1):
            if history[start : start + size - 1] == last:
                scores[history[start + size - 1]] = NEVER
    return scores


def draw(scores: np.ndarray, uniform: float, options: dict[str, Any]) -> int:
    """Sample a token: the first one whose cumulative probability exceeds `uniform`, a number in [0, 1).

    Tokens are in vocabulary order; with `top_k` or `top_p` by descending probability.
    """
    scores = scores / np.float32(options["temperature"])
    ids = np.arange(len(scores))
    if options["top_k"] is not None or options["top_p"] is not None:
        ids = np.argsort(-scores, kind="stable")[: options["top_k"]]
        scores = scores[ids]
    probabilities = np.exp(scores - scores.max())
    probabilities /= probabilities.sum()
    cumulative = np.cumsum(probabilities)
    if options["top_p"] is not None:
        probabilities[1:][cumulative[:-1] >= np.float32(options["top_p"])] = 0
        cumulative = np.cumsum(probabilities)
    reached = np.searchsorted(cumulative, np.float32(uniform) * cumulative[-1], side="right")
    # The product may round up to the sum itself: then it is the last token with a probability above 0.
    return int(ids[min(reached, np.searchsorted(cumulative, cumulative[-1]))])


def _uniforms(prompt: list[int], options: dict[str, Any]) -> np.ndarray:
    """Uniform random numbers in [0, 1) for sampling, from the seed and the prompt, as in the Keras implementation."""
    digest = hashlib.sha256(np.array([options["seed"], 1, *prompt], np.int64).tobytes()).digest()
    stream = np.random.Generator(np.random.Philox(int.from_bytes(digest[:16], "little")))
    return stream.integers(0, 2**24, options["max_new_tokens"]) / 2**24
