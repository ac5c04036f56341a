"""Common parts of tagging pipelines: texts, split into windows of tokens, to one row of logits per word."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.answers.tags import OUTSIDE, scheme_of, spans_of
from kerasft.answers.token_classification import decode, entities, word_logits
from kerasft.answers.windows import Offsets, first_tokens
from kerasft.answers.words import split_words
from kerasft.data.readers.rows import Rows
from kerasft.encoding.windows import make_windows, special_tokens
from kerasft.errors import bad_data, whole_number
from kerasft.features import LOGITS, Labels, is_unicode
from kerasft.inference.runners import Runner, predict
from kerasft.metrics.spans import span_scores_by_type
from kerasft.pipelines.pipeline import Pipeline, texts_of
from kerasft.reports import Report, undefined_spans
from kerasft.reports.examples import MOST_EXAMPLES, example
from kerasft.tasks.settling import reading_of

_MOST_ERRORS = 25


class Tagger:
    """Turns a token-level model into word-level predictions for texts of any length.

    Args:
        runner: The model: token ids in, logits out.
        tokenizer: The tokenizer that the model was trained with.
        labels: The tags of the token logits.
        output: Name of the token-level output.
        max_length: Window length in tokens, including special tokens.
        stride: Overlap of two windows in tokens; None: a quarter of a window.
    """

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        labels: Labels,
        *,
        output: str,
        max_length: int,
        stride: int | None = None,
    ):
        self.runner = runner
        self.tokenizer = tokenizer
        self.labels = labels
        self.output = output
        self.scheme = scheme_of(labels)
        self.max_length = min(max_length, runner.sequence_length or max_length)
        room = self.max_length - sum(map(len, special_tokens(tokenizer)))
        # An export with a shorter fixed length has less room than in training.
        self.stride = stride if stride is not None and stride < room else room // 4

    def __call__(
        self, texts: Sequence[str], offsets: Sequence[Offsets], *, batch_size: int
    ) -> tuple[list[np.ndarray], dict[str, list[np.ndarray]]]:
        """Run texts with given words.

        Args:
            texts: N texts.
            offsets: Start and end of each word of each text.
            batch_size: Windows per batch.

        Returns:
            The word logits (W, C) of each text; and by name the other outputs of each text's first window.
        """
        whole_number("batch_size", batch_size, "32 is usual.")
        if not texts:
            return [], {}
        windows = make_windows(self.tokenizer, texts, max_length=self.max_length, stride=self.stride)
        outputs = predict(self.runner, windows.encoded, self.tokenizer.pad_token_id, batch_size=batch_size)
        stitched = windows.stitch(outputs.pop(self.output))
        words = [
            word_logits(logits, first_tokens(places, tokens), self.labels)
            for logits, places, tokens in zip(stitched, offsets, windows.offsets)
        ]
        first = np.flatnonzero(windows.begins == 0)
        return words, {name: [rows[window] for window in first] for name, rows in outputs.items()}

    def raw(self, texts: Sequence[str], *, batch_size: int) -> tuple[list[Offsets], list, dict]:
        """Run raw texts: find the words' offsets, then as `__call__`."""
        offsets = [split_words(text) for text in texts]
        return offsets, *self(texts, offsets, batch_size=batch_size)


def checked_texts(texts: Any) -> tuple[list[str], bool]:
    """A list of texts, given as strings or as `{"text": ...}`, and whether it was a single text.

    Raises:
        DataError: If an item is not a string.

    Example:

    >>> checked_texts("In Rome")
    (['In Rome'], True)
    """
    items, one = texts_of(texts, Pipeline.fields)
    for number, text in enumerate(items, 1):
        if not isinstance(text, str):
            raise bad_data(
                "texts", f"expected a string, got {type(text).__name__}", "Give strings.", line=number, value=text
            )
        if not is_unicode(text):
            raise bad_data(
                "texts",
                "expected a valid Unicode string, got a lone surrogate",
                "Decode it as UTF-8.",
                line=number,
                value=text,
            )
    return items, one


def all_outside(truth: Sequence[Sequence[str]]) -> list[list[str]]:
    """The baseline without a model: O for every word.

    Example:

    >>> all_outside([["B-PER", "O"], []])
    [['O', 'O'], []]
    """
    return [[OUTSIDE] * len(tags) for tags in truth]


def tagging_errors(rows: Rows, found: Sequence[Sequence[Mapping]], expected: Sequence[Sequence[Mapping]]) -> list[dict]:
    """The first texts with a wrong span, for the report."""
    errors = []
    for row, (answer, truth) in enumerate(zip(found, expected)):
        if _places(answer) != _places(truth) and len(errors) < _MOST_ERRORS:
            sides = ["; ".join(f"{e['text']} [{e['label']}]" for e in side) or "nothing" for side in (truth, answer)]
            score = float(np.mean([e["score"] for e in answer])) if answer else None
            error = {"row": row, "text": rows.columns["text"][row], "truth": sides[0], "predicted": sides[1]}
            errors.append(error | {"confidence": score})
    return errors


def tagging_examples(
    rows: Rows,
    found: Sequence[Sequence[Mapping]],
    expected: Sequence[Sequence[Mapping]],
    *,
    intents: Sequence[tuple[str, str]] | None = None,
) -> list[dict]:
    """Texts with the gold and the predicted spans, for the report: those with an error, then those with spans.

    Args:
        rows: The evaluated rows.
        found: The predicted spans of each text.
        expected: The gold spans of each text.
        intents: The gold and predicted intent of each text.
    """
    right = [_places(answer) == _places(truth) for answer, truth in zip(found, expected)]
    if intents:
        right = [same and truth == predicted for same, (truth, predicted) in zip(right, intents)]
    seen = [
        row for row, same in enumerate(right) if not same or expected[row] or intents
    ]  # others have nothing to show
    examples = []
    for row in sorted(seen, key=right.__getitem__)[:MOST_EXAMPLES]:
        score = float(np.mean([span["score"] for span in found[row]])) if found[row] else None
        told = {"name": "intent", "truth": intents[row][0], "predicted": intents[row][1]} if intents else None
        facts = {"row": row, "right": right[row], "confidence": score, "answer": told}
        examples.append(example(rows.columns["text"][row], expected[row], found[row], **facts))
    return examples


def _places(spans: Sequence[Mapping]) -> list[tuple]:
    return sorted((span["start"], span["end"], span["label"]) for span in spans)


def count_spans(rows: Sequence[Sequence[str]]) -> int:
    """How many spans there are in the tags of some texts.

    Example:

    >>> count_spans([["B-PER", "O"], ["B-PER", "B-PER"]])
    3
    """
    return sum(len(spans_of(tags)) for tags in rows)


class TaggingPipeline(Pipeline):
    """What the pipelines over tagged words have in common.

    Args:
        runner: The model: token ids in, the tokens' logits out, perhaps beside other outputs.
        tokenizer: The tokenizer that the model was trained with.
        labels: The tags that the tokens' logits stand for.
        max_length: Tokens of a window, special tokens included.
        settings: `stride`, `constrained`, `scheme` and `invalid`; any may be missing.
    """

    has_labels = True

    output: ClassVar[str] = LOGITS
    """Name of the tokens' output."""

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        labels: Labels,
        *,
        max_length: int,
        settings: Mapping[str, Any] | None = None,
    ):
        super().__init__(runner, tokenizer, max_length=max_length, settings=settings)
        self.labels = labels
        stride = self.settings.get("stride")
        self.tagger = Tagger(runner, tokenizer, labels, output=self.output, max_length=max_length, stride=stride)

    @property
    def reading(self) -> dict[str, Any]:
        """Options of `kerasft.data.read_tags` for files like the training data."""
        return reading_of(self.settings)

    def _decode(self, logits: np.ndarray, constrained: bool | None) -> tuple[list[str], np.ndarray]:
        if constrained is None:
            constrained = bool(self.settings.get("constrained", False))
        return decode(logits, self.labels, constrained=constrained)

    def _report_tags(
        self,
        rows: Rows,
        tagged: Sequence[tuple[list[str], np.ndarray]],
        about: Mapping[str, str],
        *,
        span: str,
        intents: Sequence[tuple[str, str]] | None = None,
        **parts: Any,
    ) -> Report:
        """The report of texts and of each the predicted tags with their scores; `span` is what a span is called."""
        texts, offsets, truth = (rows.columns[name] for name in ("text", "offsets", "tags"))
        predicted = [tags for tags, _ in tagged]
        predicted_spans = [
            entities(text, words, tags, scores=each) for text, words, (tags, each) in zip(texts, offsets, tagged)
        ]
        expected = [
            entities(text, words, tags, scores=np.ones(len(tags))) for text, words, tags in zip(texts, offsets, truth)
        ]
        by_type = span_scores_by_type(truth, predicted)
        return self._report(
            about,
            title="Evaluation",
            labels=[row["label"] for row in by_type],
            rows=len(texts),
            per_class=by_type,
            errors=tagging_errors(rows, predicted_spans, expected),
            examples=tagging_examples(rows, predicted_spans, expected, intents=intents),
            undefined=undefined_spans(count_spans(truth), count_spans(predicted), name=span),
            **parts,
        )
