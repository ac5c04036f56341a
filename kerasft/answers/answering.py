"""Inference code for mobile bundles: from texts to token ids, and from model outputs to predictions.

Numpy only: it also runs in a mobile bundle's `python/kerasft_core`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import bad_argument, bad_data
from ..features import Labels
from ..truncation import QUESTION_ADVICE
from .marked_texts import ENTITY_MARKERS, entity_pair, kept_tokens, mark, shown_entity
from .question_answering import answer, best_spans, merge_windows
from .text_classification import answers
from .token_classification import decode, entities, word_logits
from .windows import answering_windows, first_tokens, trimmed_offsets, window_begins
from .words import split_words

Tokens = Sequence[tuple[int, int, int]]
"""Token ids of a text without special tokens, with the start and end character offsets of each."""


class Answering:
    """Makes the same predictions as the task's pipeline.

    Args:
        signature: The content of the bundle's `signature.json`.
        tokenize: Maps a text to its `Tokens`.
        run: Maps token ids and segment ids of a row to the model's outputs by name; per-token outputs without padding.
        on_truncated: Called like `warn_truncated(1, 1, limit=...)` if a text was truncated.

    Example:

    >>> template = {"before": [2], "after_single": [3], "between": [3], "after": [3]}
    >>> signature = {"task": "text-classification", "problem": "single_label", "labels": ["no", "yes"], "pair": False}
    >>> signature |= {"max_length": 8, "preprocessing": {"template": template}, "decoding": {}}
    >>> letters = lambda text: [(ord(letter), index, index + 1) for index, letter in enumerate(text)]
    >>> answering = Answering(signature, letters, lambda ids, segments: {"logits": np.array([0.0, float(len(ids))])})
    >>> answering.encode("ab"), answering("ab")["label"]
    (([2, 97, 98, 3], [0, 0, 0, 0]), 'yes')
    """

    def __init__(
        self,
        signature: Mapping[str, Any],
        tokenize: Callable[[str], Tokens],
        run: Callable[[list[int], list[int]], Mapping[str, np.ndarray]],
        *,
        on_truncated: Callable[..., None] | None = None,
    ):
        self.signature = signature
        self.decoding = signature["decoding"]
        self.template = signature["preprocessing"]["template"]
        self.max_length = signature["max_length"]
        self.tokenize = tokenize
        self.run = run
        self._on_truncated = on_truncated
        # Text generation and mask filling are not supported here.
        self._answer = getattr(self, f"answer_{signature['task'].replace('-', '_')}", None)

    @property
    def labels(self) -> Labels:
        """Labels of the outputs."""
        return Labels(self.signature["labels"], self.signature["problem"])

    @property
    def can_answer(self) -> bool:
        """Whether the task is supported here."""
        return self._answer is not None

    def __call__(self, text: str, text_pair: str | None = None) -> dict[str, Any]:
        """Predict for a text, or for a pair of texts (such as a question and its context) if the model takes pairs.

        Returns:
            The prediction of the task's pipeline in `kerasft.pipelines`; for unsupported tasks, the outputs.

        Raises:
            KerasftError: If a second text is given to a model for single texts, or is missing.
            DataError: If a text does not have the form that the task requires.
        """
        if (text_pair is not None) != self.signature["pair"]:
            expected = "a text: the model takes pairs" if text_pair is None else "omitted: the model takes single texts"
            raise bad_argument("text_pair", expected, text_pair, "A pair is two texts, or a question and its context.")
        if self._answer is not None:
            return self._answer(*([text] if text_pair is None else [text, text_pair]))
        return {name: value.tolist() for name, value in self.run(*self.encode(text, text_pair)).items()}

    def encode(self, text: str, text_pair: str | None = None) -> tuple[list[int], list[int]]:
        """Return ids and segment ids of a text or pair, truncated to the model's length; the longer text of a pair first."""
        template = self.template
        before = template["before"]
        first = self._ids(text)
        if text_pair is None:
            markers = self.decoding.get("markers", {}).values()
            if markers and set(markers) <= set(first):
                return self._around_entities(first, list(markers))
            room = self.max_length - len(before) - len(template["after_single"])
            self._check_length(len(first) > room)
            return _in_one_segment([*before, *first[:room], *template["after_single"]])
        other = self._ids(text_pair)
        between = template["between"]
        after = template["after"]
        room = self.max_length - len(before) - len(between) - len(after)
        self._check_length(len(first) + len(other) > room, kind="pairs")
        kept, kept_other = _longest_first(len(first), len(other), room)
        return _in_two_segments([*before, *first[:kept], *between], [*other[:kept_other], *after])

    def _check_length(self, is_truncated: bool, *, limit: int | None = None, **about: str) -> None:
        if is_truncated and self._on_truncated is not None:
            self._on_truncated(1, 1, limit=limit or self.max_length, **about)

    def _ids(self, text: str) -> list[int]:
        return [token for token, _, _ in self.tokenize(text)]

    def _around_entities(self, ids: list[int], markers: list[int]) -> tuple[list[int], list[int]]:
        before, after = self.template["before"], self.template["after_single"]
        row = [*before, *ids, *after]
        own = range(len(before), len(before) + len(ids))
        kept, split = kept_tokens(row, own, markers, max_length=self.max_length)
        where = (
            "between their entities, which are too far apart for one window"
            if split
            else "to a window around their entities"
        )
        self._check_length(len(kept) < len(row), where=f" {where}")
        return _in_one_segment([row[position] for position in kept])

    def answer_text_classification(self, *texts: str) -> dict[str, Any]:
        """Predict labels with scores, or regression values."""
        settings = {name: self.decoding[name] for name in ("out_of_scope", "temperature") if self.decoding.get(name)}
        threshold = self.decoding.get("thresholds") or self.decoding.get("threshold")
        if threshold is not None:
            settings["threshold"] = threshold
        return answers(self.run(*self.encode(*texts))["logits"][None], self.labels, **settings)[0]

    def answer_relation_extraction(self, text: str) -> dict[str, Any]:
        """Predict the relation between two entities, marked with <e1>, </e1>, <e2>, </e2> or the model's markers."""
        if all(marker in text for marker in ENTITY_MARKERS):
            return self.answer_text_classification(text)
        pair = entity_pair(text, fail=lambda problem, fix, value: bad_data("text", problem, fix, value=value))
        shown = {name: shown_entity(pair.text, getattr(pair, name)) for name in ("head", "tail")}
        return self.answer_text_classification(mark(pair)) | shown

    def answer_sentence_embedding(self, text: str) -> dict[str, Any]:
        """Return the embedding."""
        return {"embedding": self.run(*self.encode(text))["embedding"].tolist()}

    def answer_token_classification(self, text: str) -> dict[str, Any]:
        """Predict the named entities."""
        return {"entities": self._spans(text, "logits")[0]}

    def answer_intent_and_slots(self, text: str) -> dict[str, Any]:
        """Predict the intent and the slots."""
        slots, outputs = self._spans(text, "slot_logits")
        intents = Labels(self.decoding["intents"])
        return {"intent": answers(outputs["intent_logits"][None], intents)[0], "slots": slots}

    def _spans(self, text: str, output: str) -> tuple[list[dict[str, Any]], Mapping[str, np.ndarray]]:
        """Return the entity spans of a text, and all outputs of its first window."""
        before, after = self.template["before"], self.template["after_single"]
        tokens = self.tokenize(text)
        settings = self.decoding
        ids = [token for token, _, _ in tokens]
        offsets = [(start, end) for _, start, end in tokens]
        room = settings["window"] - len(before) - len(after)
        begins = window_begins(len(ids), room, settings["stride"])
        parts = [(begin, min(room, len(ids) - begin)) for begin in begins]
        rows = [_in_one_segment([*before, *ids[begin : begin + count], *after]) for begin, count in parts]
        outputs = [self.run(*row) for row in rows]
        windows = answering_windows(len(ids), parts)
        logits = [outputs[n][output][len(before) + index - begins[n]] for index, n in enumerate(windows.tolist())]
        logits = np.reshape(logits, (len(ids), len(self.labels)))  # (T, C)
        words = split_words(text)
        first = first_tokens(words, trimmed_offsets(text, offsets))
        tags, scores = decode(word_logits(logits, first, self.labels), self.labels, constrained=settings["constrained"])
        return entities(text, words, tags, scores=scores), outputs[0]

    def answer_question_answering(self, question: str, context: str) -> dict[str, Any]:
        """Extract the answer to a question from its context."""
        template, settings = self.template, self.decoding
        question_ids = self._ids(question.strip())
        context_tokens = self.tokenize(context)
        most = settings["max_question_length"]
        about = {"kind": "questions", "argument": "half of max_length", "advice": QUESTION_ADVICE}
        self._check_length(len(question_ids) > most, limit=most, **about)
        question_ids = question_ids[:most]
        head, tail = [*template["before"], *question_ids, *template["between"]], template["after"]
        room = settings["window"] - len(head) - len(tail)
        step = room - min(settings["stride"], room // 2)
        parts = []
        for begin in range(0, max(1, len(context_tokens) - room + step), step):
            part = context_tokens[begin : begin + room]
            logits = self.run(*_in_two_segments(head, [*(token for token, _, _ in part), *tail]))["logits"]  # (S, 2)
            spans = best_spans(
                logits[len(head) : len(head) + len(part)],
                n_best=settings["num_best"],
                max_answer_length=settings["max_answer_length"],
            )
            offsets = np.array([(start, end) for _, start, end in part]).reshape(-1, 2)
            parts.append((spans, offsets, float(logits[0].sum())))  # the first token represents "no answer"
        merged = merge_windows(context, parts, n_best=settings["num_best"])
        return answer(merged, context, no_answer=settings["no_answer_threshold"])


def _in_one_segment(row: list[int]) -> tuple[list[int], list[int]]:
    return row, [0] * len(row)


def _in_two_segments(head: list[int], tail: list[int]) -> tuple[list[int], list[int]]:
    return head + tail, [0] * len(head) + [1] * len(tail)


def _longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """Return the token counts of two texts after truncation: of the longer text first, then of both."""
    if first + second <= room:
        return first, second
    shorter = min(first, second)
    longer = max(shorter, room - shorter)
    # If both are longer than half of the available length, each gets half; the longer text gets the odd token.
    low, high = (room // 2, room - room // 2) if shorter + longer > room else (shorter, longer)
    return (low, high) if first <= second else (high, low)
