"""Common parts of tagging pipelines: texts, split into windows of tokens, to one row of logits per word."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.answers.tags import OUTSIDE, scheme_of
from kerasft.answers.token_classification import word_logits
from kerasft.answers.windows import Offsets, first_tokens
from kerasft.answers.words import split_words
from kerasft.data.readers.rows import Rows
from kerasft.encoding.windows import make_windows, special_tokens
from kerasft.errors import bad_argument, bad_data
from kerasft.features import Labels, is_unicode
from kerasft.inference.runners import Runner, predict
from kerasft.pipelines.pipeline import Pipeline, texts_of
from kerasft.reports.examples import MOST_EXAMPLES, example

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
        self.runner, self.tokenizer, self.labels, self.output = runner, tokenizer, labels, output
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
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise bad_argument("batch_size", "a whole number >= 1", batch_size, "32 is usual.")
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
