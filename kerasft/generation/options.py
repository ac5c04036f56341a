"""How a text is to be written, and what was written."""

import dataclasses
import math

from kerasft.errors import bad_argument, is_number, whole_number

METHODS = ("greedy", "beam", "sample")
"""The most likely token each time; the most likely of several texts; a token drawn by its probability."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """How a text is to be written. Only what belongs to the chosen method may be set.

    Args:
        max_new_tokens: Most tokens to write, >= 1. A text that ends here, and not by itself, has `finished=False`.
        min_new_tokens: The end token is not written before this many others.
        method: `"greedy"`, `"beam"` (beam search, as `transformers` does it) or `"sample"`.
        num_beams: Texts that a beam search keeps, >= 2 for `"beam"`.
        length_penalty: A beam's sum of log-probabilities is divided by its length to this power; > 0 favours long texts.
        early_stopping: Whether a beam search ends as soon as `num_beams` texts are finished. False: as soon as no other
            could become better.
        temperature: What logits are divided by before drawing, > 0.
        top_k: Only the k most likely tokens are drawn (https://arxiv.org/abs/1805.04833).
        top_p: Only the most likely tokens that together have this probability are drawn, in (0, 1]: nucleus sampling
            (https://arxiv.org/abs/1904.09751).
        repetition_penalty: Positive logits of the tokens already there are divided by it, negative ones multiplied
            (https://arxiv.org/abs/1909.05858, section 4.1, where 1.2 is advised; negative logits as in `transformers`).
        no_repeat_ngram_size: No sequence of this many tokens occurs twice (https://arxiv.org/abs/1705.04304); 0: any may.
        seed: Of `"sample"`. The same seed gives the same text to the same prompt, whatever else is in the batch.
        stop: Strings that end a text; they are not part of it.

    Raises:
        KerasftError: If a value is out of range, or belongs to another method.

    Example:

    >>> GenerationOptions(method="sample", top_p=0.9).max_new_tokens
    128
    """

    max_new_tokens: int = 128
    min_new_tokens: int = 0
    method: str = "greedy"
    num_beams: int = 1
    length_penalty: float = 1.0
    early_stopping: bool = False
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    seed: int = 0
    stop: tuple[str, ...] = ()

    def __post_init__(self):
        for name, least in (
            ("max_new_tokens", 1),
            ("min_new_tokens", 0),
            ("num_beams", 1),
            ("no_repeat_ngram_size", 0),
        ):
            whole_number(name, getattr(self, name), "Change it.", least=least)
        whole_number("seed", self.seed, "Change it.", least=0)
        if self.min_new_tokens > self.max_new_tokens:
            raise bad_argument(
                "min_new_tokens", f"at most max_new_tokens ({self.max_new_tokens})", self.min_new_tokens, "Lower it."
            )
        if self.method not in METHODS:
            raise bad_argument("method", f"one of {METHODS}", self.method, "Choose one of them.")
        for name in ("temperature", "repetition_penalty"):
            _check_number(name, getattr(self, name), above=0.0)
        _check_number("length_penalty", self.length_penalty)
        if self.top_k is not None:
            whole_number("top_k", self.top_k, "Change it.")
        if self.top_p is not None:
            _check_number("top_p", self.top_p, above=0.0, most=1.0)
        object.__setattr__(self, "stop", _checked_stop(self.stop))
        self._check_method()

    def _check_method(self) -> None:
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        owners = {
            "sample": ("temperature", "top_k", "top_p"),
            "beam": ("num_beams", "length_penalty", "early_stopping"),
        }
        for method, names in owners.items():
            for name in names:
                value = getattr(self, name)
                if method != self.method and value != defaults[name]:
                    fix = f'Give method="{method}" too, or leave `{name}` out.'
                    raise bad_argument(name, f"left out for method={self.method!r}", value, fix)
        if self.method == "beam" and self.num_beams < 2:
            raise bad_argument("num_beams", 'at least 2 for method="beam"', self.num_beams, "4 is usual.")


@dataclasses.dataclass(frozen=True)
class Generated:
    """A text that was written.

    Attributes:
        token_ids: The new tokens, without the end token.
        finished: Whether the text ended by itself, by its end token or a stop string; False: at the limit.
        score: Of a beam search: the sum of the log-probabilities divided by length ** length_penalty; else None.
        text: The new tokens as text, without special tokens and without the stop string.

    Example:

    >>> Generated([5, 7], finished=False).score is None
    True
    """

    token_ids: list[int]
    finished: bool
    score: float | None = None
    text: str = ""


def _check_number(name: str, value: object, *, above: float = -math.inf, most: float = math.inf) -> None:
    if not is_number(value):
        raise bad_argument(name, "a number", value, "Change it.")
    if not above < value <= most:
        limits = f"greater than {above:g}" + ("" if most == math.inf else f" and at most {most:g}")
        raise bad_argument(name, limits, value, "1.0 changes nothing.")


def _checked_stop(stop: object) -> tuple[str, ...]:
    words = (stop,) if isinstance(stop, str) else stop
    if not isinstance(words, tuple | list) or not all(isinstance(word, str) and word for word in words):
        raise bad_argument("stop", "strings that are not empty", stop, 'Write stop=("\\n",), for example.')
    return tuple(words)
