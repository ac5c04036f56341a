"""Options of text generation, and its results."""

import dataclasses
import math

from kerasft.errors import bad_argument, is_number, whole_number

METHODS = ("greedy", "beam", "sample")
"""Greedy search, beam search, and sampling from the distribution."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """Options of text generation. Options of other methods than `method` must not be set.

    Args:
        max_new_tokens: Maximum number of new tokens, >= 1. A text that reaches it has `finished=False`.
        min_new_tokens: Minimum number of new tokens before the end token.
        method: `"greedy"`, `"beam"` (beam search, as in `transformers`) or `"sample"`.
        num_beams: Number of beams, >= 2 for `"beam"`.
        length_penalty: Exponent of the length by which a beam's sum of log-probabilities is divided; > 0 favors long texts.
        early_stopping: Whether beam search stops as soon as `num_beams` texts are finished. False: as soon as no running
            beam can still beat them.
        temperature: Divides the logits before sampling, > 0: above 1 the distribution is flatter, below 1 sharper.
        top_k: Sample from the k most likely tokens only (https://arxiv.org/abs/1805.04833).
        top_p: Sample from the smallest set of most likely tokens with this total probability, in (0, 1]: nucleus sampling
            (https://arxiv.org/abs/1904.09751).
        repetition_penalty: Divides positive logits of tokens that already occurred and multiplies negative ones
            (https://arxiv.org/abs/1909.05858, section 4.1, where 1.2 is recommended; negative logits as in `transformers`).
        no_repeat_ngram_size: Size of n-grams that must not occur twice (https://arxiv.org/abs/1705.04304); 0: no limit.
        seed: Seed of `"sample"`. The same seed and prompt generate the same text, independent of the rest of the batch.
        stop: Strings that end a text; they are not part of it.

    Raises:
        KerasftError: If a value is out of range, or an option does not apply to the method.

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
            whole_number(name, getattr(self, name), f"Use {name}={least} or more.", least=least)
        whole_number("seed", self.seed, "Use seed=0 or more.", least=0)
        if self.min_new_tokens > self.max_new_tokens:
            raise bad_argument(
                "min_new_tokens",
                f"at most max_new_tokens ({self.max_new_tokens})",
                self.min_new_tokens,
                "Use a smaller value.",
            )
        if self.method not in METHODS:
            raise bad_argument("method", f"one of {METHODS}", self.method, "Choose one of them.")
        for name in ("temperature", "repetition_penalty"):
            _check_number(name, getattr(self, name), above=0.0)
        _check_number("length_penalty", self.length_penalty)
        if self.top_k is not None:
            whole_number("top_k", self.top_k, "Use top_k=1 or more.")
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
                    fix = f'Add method="{method}", or omit `{name}`.'
                    raise bad_argument(name, f"omitted for method={self.method!r}", value, fix)
        if self.method == "beam" and self.num_beams < 2:
            raise bad_argument("num_beams", 'at least 2 for method="beam"', self.num_beams, "4 is usual.")


@dataclasses.dataclass(frozen=True)
class Generated:
    """A generated text.

    Attributes:
        token_ids: The new tokens, without the end token.
        finished: Whether the text ended with the end token or a stop string; False: it reached the limit.
        score: For beam search, the sum of log-probabilities divided by length ** length_penalty; otherwise None.
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
        raise bad_argument(name, "a number", value, "1.0 has no effect.")
    if not above < value <= most:
        limits = f"greater than {above:g}" + ("" if most == math.inf else f" and at most {most:g}")
        raise bad_argument(name, limits, value, "1.0 has no effect.")


def _checked_stop(stop: object) -> tuple[str, ...]:
    strings = (stop,) if isinstance(stop, str) else stop
    if not isinstance(strings, tuple | list) or not all(isinstance(string, str) and string for string in strings):
        raise bad_argument("stop", "non-empty strings", stop, 'For example: stop=("\\n",).')
    return tuple(strings)
