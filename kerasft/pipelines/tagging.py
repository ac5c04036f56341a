"""Common parts of tagging pipelines: from texts, split into windows of tokens, to logits per word."""

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
    """Makes word-level predictions with a token-level model, for texts of any length.

    Args:
        runner: The model, from token ids to logits.
        tokenizer: The tokenizer that the model was trained with.
        labels: The tags of the token logits.
        output: Name of the token-level output.
        max_length: Window length in tokens, including special tokens.
        stride: Overlap of consecutive windows in tokens; None: a quarter of a window.
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
        # An export with a shorter fixed length has smaller windows than in training.
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
            The word logits (W, C) of each text; and the other outputs of each text's first window, by name.
        """
        whole_number("batch_size", batch_size, "32 is usual.")
        if not texts:
            return [], {}
        windows = make_windows(self.tokenizer, texts, max_length=self.max_length, stride=self.stride)
        outputs = predict(self.runner, windows.encoded, self.tokenizer.pad_token_id, batch_size=batch_size)
        stitched = windows.stitch(outputs.pop(self.output))
        words = [
            word_logits(logits, first_tokens(word_offsets, tokens), self.labels)
            for logits, word_offsets, tokens in zip(stitched, offsets, windows.offsets)
        ]
        first = np.flatnonzero(windows.begins == 0)
        return words, {name: [rows[window] for window in first] for name, rows in outputs.items()}

    def raw(self, texts: Sequence[str], *, batch_size: int) -> tuple[list[Offsets], list, dict]:
        """Split raw texts into words, and run them; see `__call__`."""
        offsets = [split_words(text) for text in texts]
        return offsets, *self(texts, offsets, batch_size=batch_size)


def checked_texts(texts: Any) -> tuple[list[str], bool]:
    """Return a list of texts, from strings or dictionaries `{"text": ...}`, and whether it was a single text.

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
                "texts", f"expected a string, got {type(text).__name__}", "Use strings.", line=number, value=text
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
    """Return the predictions of the baseline: O for every word.

    Example:

    >>> all_outside([["B-PER", "O"], []])
    [['O', 'O'], []]
    """
    return [[OUTSIDE] * len(tags) for tags in truth]


def tagging_errors(rows: Rows, predicted: Sequence[Sequence[Mapping]], gold: Sequence[Sequence[Mapping]]) -> list[dict]:
    """Return the first texts with an incorrect span, for the report."""
    errors = []
    for row, (predictions, labels) in enumerate(zip(predicted, gold)):
        if _keys(predictions) != _keys(labels) and len(errors) < _MOST_ERRORS:
            sides = [
                "; ".join(f"{span['text']} [{span['label']}]" for span in side) or "nothing"
                for side in (labels, predictions)
            ]
            score = float(np.mean([span["score"] for span in predictions])) if predictions else None
            error = {"row": row, "text": rows.columns["text"][row], "truth": sides[0], "predicted": sides[1]}
            errors.append(error | {"confidence": score})
    return errors


def tagging_examples(
    rows: Rows,
    predicted: Sequence[Sequence[Mapping]],
    gold: Sequence[Sequence[Mapping]],
    *,
    intents: Sequence[tuple[str, str]] | None = None,
) -> list[dict]:
    """Return texts with gold and predicted spans, for the report: texts with errors first, then texts with spans.

    Args:
        rows: The evaluated rows.
        predicted: The predicted spans of each text.
        gold: The gold spans of each text.
        intents: The gold and predicted intent of each text.
    """
    correct = [_keys(predictions) == _keys(labels) for predictions, labels in zip(predicted, gold)]
    if intents:
        correct = [same and label == prediction for same, (label, prediction) in zip(correct, intents)]
    # Correct texts without spans have nothing to show.
    shown = [row for row, same in enumerate(correct) if not same or gold[row] or intents]
    examples = []
    for row in sorted(shown, key=correct.__getitem__)[:MOST_EXAMPLES]:
        score = float(np.mean([span["score"] for span in predicted[row]])) if predicted[row] else None
        answer = {"name": "intent", "truth": intents[row][0], "predicted": intents[row][1]} if intents else None
        facts = {"row": row, "right": correct[row], "confidence": score, "answer": answer}
        examples.append(example(rows.columns["text"][row], gold[row], predicted[row], **facts))
    return examples


def _keys(spans: Sequence[Mapping]) -> list[tuple]:
    return sorted((span["start"], span["end"], span["label"]) for span in spans)


def count_spans(rows: Sequence[Sequence[str]]) -> int:
    """Count the spans in the tags of texts.

    Example:

    >>> count_spans([["B-PER", "O"], ["B-PER", "B-PER"]])
    3
    """
    return sum(len(spans_of(tags)) for tags in rows)


class TaggingPipeline(Pipeline):
    """Base class of the tagging pipelines.

    Args:
        runner: The model, from token ids to token logits and, optionally, other outputs.
        tokenizer: The tokenizer that the model was trained with.
        labels: The tags of the token logits.
        max_length: Window length in tokens, including special tokens.
        settings: `stride`, `constrained`, `scheme` and `invalid`; all optional.
    """

    has_labels = True

    output: ClassVar[str] = LOGITS
    """Name of the token-level output."""

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
        """Options of `kerasft.data.read_tags` for data in the format of the training data."""
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
        """Return the report, from the predicted tags and scores of each text; `span` is the name of spans in messages."""
        texts, offsets, gold = (rows.columns[name] for name in ("text", "offsets", "tags"))
        predicted = [tags for tags, _ in tagged]
        predicted_spans = [
            entities(text, words, tags, scores=each) for text, words, (tags, each) in zip(texts, offsets, tagged)
        ]
        gold_spans = [
            entities(text, words, tags, scores=np.ones(len(tags))) for text, words, tags in zip(texts, offsets, gold)
        ]
        by_type = span_scores_by_type(gold, predicted)
        return self._report(
            about,
            title="Evaluation",
            labels=[row["label"] for row in by_type],
            rows=len(texts),
            per_class=by_type,
            errors=tagging_errors(rows, predicted_spans, gold_spans),
            examples=tagging_examples(rows, predicted_spans, gold_spans, intents=intents),
            undefined=undefined_spans(count_spans(gold), count_spans(predicted), name=span),
            **parts,
        )
