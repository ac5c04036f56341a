"""The interface between data and model: named int32 tensors, and the labels of a head's outputs.

The names are KerasHub's, so KerasHub's backbones fit kerasft's heads and datasets as they are. Nothing else in kerasft
writes these names as literals.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from .errors import bad_argument
from .limits import how_to_raise, limit

TOKEN_IDS = "token_ids"
"""Vocabulary indices, int32, (B, S)."""
PADDING_MASK = "padding_mask"
"""1 for a real token, 0 for padding, int32, (B, S)."""
SEGMENT_IDS = "segment_ids"
"""0 for the first text and 1 for the second of a pair, int32, (B, S)."""

ENCODER_TOKEN_IDS = "encoder_token_ids"
"""Vocabulary indices of the source text, int32, (B, S)."""
ENCODER_PADDING_MASK = "encoder_padding_mask"
"""1 for a real token of the source text, 0 for padding, int32, (B, S)."""
DECODER_TOKEN_IDS = "decoder_token_ids"
"""Vocabulary indices of the target text, shifted right by the start token, int32, (B, T)."""
DECODER_PADDING_MASK = "decoder_padding_mask"
"""1 for a real token of the target text, 0 for padding, int32, (B, T)."""

SEQUENCE_OUTPUT = "sequence_output"
"""Backbone output: hidden states, (B, S, H)."""
POOLED_OUTPUT = "pooled_output"
"""Backbone output: the first token's state through the pre-trained tanh layer, (B, H)."""
ENCODER_SEQUENCE_OUTPUT = "encoder_sequence_output"
"""Backbone output: hidden states of the source text, (B, S, H)."""
DECODER_SEQUENCE_OUTPUT = "decoder_sequence_output"
"""Backbone output: hidden states of the target text, (B, T, H)."""

LOGITS = "logits"
"""A head's output, before softmax or sigmoid, float32, (B, C), (B, S, C) or (B, S, V)."""
EMBEDDING = "embedding"
"""A sentence embedder's output, float32, (B, H)."""

SINGLE_LABEL = "single_label"
MULTI_LABEL = "multi_label"
REGRESSION = "regression"
PROBLEMS = (SINGLE_LABEL, MULTI_LABEL, REGRESSION)


class Labels(Sequence):
    """Names of a head's outputs, in order, and the problem type; immutable.

    `model.labels` is one of these, so `labels=model.labels` gives data functions everything they need.

    Args:
        names: One name per output: class names, or names of the regression targets. Names must be unique.
        problem: `"single_label"` (softmax over classes), `"multi_label"` (one sigmoid per class) or `"regression"`.
        numbered: Whether a number in a dataset means the name at that index. True for names that you list yourself, as in
            `text_classifier(backbone, ["negative", "positive"])`; False for names collected from data, which
            are sorted alphabetically, and for those of a checkpoint or bundle.

    Raises:
        KerasftError: If `problem` is unknown, or names are missing, empty or duplicate, or more than `KERASFT_MAX_LABELS`.

    Example:

    >>> labels = Labels(["negative", "positive"])
    >>> list(labels), labels.problem, labels.index("positive")
    (['negative', 'positive'], 'single_label', 1)
    """

    def __init__(self, names: Iterable[str], problem: str = SINGLE_LABEL, *, numbered: bool = False):
        if isinstance(names, str):
            raise bad_argument("labels", "a list of names", names, f"For example: labels=[{names!r}, ...].")
        self._names = tuple(str(name) for name in names)
        self._problem = problem
        self._numbered = numbered
        if problem not in PROBLEMS:
            raise bad_argument("problem", f"one of {PROBLEMS}", problem, "Choose one of them.")
        if not self._names or not all(name.strip() for name in self._names):
            raise bad_argument("labels", "one or more non-empty names", list(self._names), "Give every output a name.")
        check_number_of_labels(len(self._names))
        repeated = sorted(name for name, count in Counter(self._names).items() if count > 1)
        if repeated:
            raise bad_argument("labels", "unique names", repeated, "Remove the duplicates.")
        if problem == SINGLE_LABEL and len(self._names) < 2:
            raise bad_argument("labels", "two or more classes", list(self._names), "A single class cannot be trained.")

    @property
    def problem(self) -> str:
        """`"single_label"`, `"multi_label"` or `"regression"`."""
        return self._problem

    @property
    def numbered(self) -> bool:
        """Whether a number in a dataset means the name at that index; ignored by equality and hash."""
        return self._numbered

    @classmethod
    def of(cls, labels: "Labels | Iterable[str]") -> "Labels":
        """Return `labels` itself if it is a `Labels`, otherwise single-label classes with these names, numbered in this order."""
        return labels if isinstance(labels, cls) else cls(labels, numbered=True)

    def __getitem__(self, index):
        return self._names[index]

    def __len__(self) -> int:
        return len(self._names)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Labels):
            return (self._names, self._problem) == (other._names, other._problem)
        return isinstance(other, Sequence) and not isinstance(other, str) and list(self._names) == list(other)

    def __hash__(self) -> int:
        return hash((self._names, self._problem))

    def __repr__(self) -> str:
        return f"Labels({list(self._names)!r}, problem={self._problem!r})"


def check_number_of_labels(number: int) -> None:
    """Raise if there are more labels than `KERASFT_MAX_LABELS`: reports and metrics count pairs of them.

    Example:

    >>> check_number_of_labels(5_000)
    """
    if number > limit("LABELS"):
        fix = f"Is this the right label column? {how_to_raise('LABELS', number)}"
        raise bad_argument("labels", f"at most {limit('LABELS')} names", number, fix)


def regression(*names: str) -> Labels:
    """Labels of a regression head: one real number per name.

    Example:

    >>> regression("score").problem
    'regression'
    """
    return Labels(names or ("score",), REGRESSION)


def multi_label(names: Iterable[str]) -> Labels:
    """Labels of a multi-label head: any number of classes can be true at once.

    Example:

    >>> multi_label(["toxic", "insult"]).problem
    'multi_label'
    """
    return Labels(names, MULTI_LABEL, numbered=True)


def model_inputs(tokenizer) -> tuple[str, ...]:
    """Features produced by a checkpoint's tokenizer: segment ids only if the tokenizer has them.

    Example:

    >>> class Tokenizer:
    ...     model_input_names = ["input_ids", "attention_mask"]
    >>> model_inputs(Tokenizer())
    ('token_ids', 'padding_mask')
    """
    if "token_type_ids" in tokenizer.model_input_names:
        return (TOKEN_IDS, PADDING_MASK, SEGMENT_IDS)
    return (TOKEN_IDS, PADDING_MASK)


def is_unicode(text: str) -> bool:
    """Return whether a string can be encoded as UTF-8; lone surrogates cannot.

    Example:

    >>> is_unicode("a film"), is_unicode(chr(0xD800))
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
