"""What a program on a device does with a mobile bundle: from texts to rows of ids, and from a file's outputs to answers.

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
"""The ids of a text without special tokens, each with its first character in the text and the one after its last."""


class Answering:
    """Answers texts as the task's pipeline does.

    Args:
        signature: The content of the bundle's `signature.json`.
        tokenize: From a text to its `Tokens`.
        run: From a row's ids and segment ids to the file's outputs by name, those per token for the row's own tokens.
        on_truncated: Called as `warn_truncated(1, 1, limit=...)` for a text that is longer than the model reads.

    Example:

    >>> template = {"before": [2], "after_single": [3], "between": [3], "after": [3]}
    >>> signature = {"task": "text-classification", "problem": "single_label", "labels": ["no", "yes"], "pair": False}
    >>> signature |= {"max_length": 8, "preprocessing": {"template": template}, "decoding": {}}
    >>> letters = lambda text: [(ord(letter), place, place + 1) for place, letter in enumerate(text)]
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
        # One that generates text, or fills masks, has no answer here.
        self._answer = getattr(self, f"answer_{signature['task'].replace('-', '_')}", None)

    @property
    def labels(self) -> Labels:
        """What the outputs stand for."""
        return Labels(self.signature["labels"], self.signature["problem"])

    @property
    def can_answer(self) -> bool:
        """Whether the task has an answer here."""
        return self._answer is not None

    def __call__(self, text: str, text_pair: str | None = None) -> dict[str, Any]:
        """Answer a text, or where the model reads pairs two of them (a question and its context).

        Returns:
            What the task's pipeline in `kerasft.pipelines` answers; of a task that has no answer here the outputs.

        Raises:
            KerasftError: If a second text is given to a model of single texts, or is missing.
            DataError: If a text has not the form that the task asks for.
        """
        if (text_pair is not None) != self.signature["pair"]:
            expected = (
                "a text: the model reads pairs" if text_pair is None else "left out: the model reads single texts"
            )
            raise bad_argument("text_pair", expected, text_pair, "A pair is two texts, or a question and its context.")
        if self._answer is not None:
            return self._answer(*([text] if text_pair is None else [text, text_pair]))
        return {name: value.tolist() for name, value in self.run(*self.encode(text, text_pair)).items()}

    def encode(self, text: str, text_pair: str | None = None) -> tuple[list[int], list[int]]:
        """Return ids and segment ids of a text, or of a pair, cut to the model's length; of a pair the longer text first."""
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
            "between their entities, which are too far apart for a window"
            if split
            else "to a window around their entities"
        )
        self._check_length(len(kept) < len(row), where=f" {where}")
        return _in_one_segment([row[place] for place in kept])

    def answer_text_classification(self, *texts: str) -> dict[str, Any]:
        """Answer by labels with scores, or numbers."""
        settings = {name: self.decoding[name] for name in ("out_of_scope", "temperature") if self.decoding.get(name)}
        threshold = self.decoding.get("thresholds") or self.decoding.get("threshold")
        if threshold is not None:
            settings["threshold"] = threshold
        return answers(self.run(*self.encode(*texts))["logits"][None], self.labels, **settings)[0]

    def answer_relation_extraction(self, text: str) -> dict[str, Any]:
        """Answer which relation two entities have, that are marked by <e1>, </e1>, <e2>, </e2>, or by the model's markers."""
        if all(marker in text for marker in ENTITY_MARKERS):
            return self.answer_text_classification(text)
        pair = entity_pair(text, fail=lambda problem, fix, value: bad_data("text", problem, fix, value=value))
        shown = {name: shown_entity(pair.text, getattr(pair, name)) for name in ("head", "tail")}
        return self.answer_text_classification(mark(pair)) | shown

    def answer_sentence_embedding(self, text: str) -> dict[str, Any]:
        """Answer by a vector."""
        return {"embedding": self.run(*self.encode(text))["embedding"].tolist()}

    def answer_token_classification(self, text: str) -> dict[str, Any]:
        """Answer by the named entities."""
        return {"entities": self._spans(text, "logits")[0]}

    def answer_intent_and_slots(self, text: str) -> dict[str, Any]:
        """Answer by what is wanted, and the details named."""
        slots, outputs = self._spans(text, "slot_logits")
        intents = Labels(self.decoding["intents"])
        return {"intent": answers(outputs["intent_logits"][None], intents)[0], "slots": slots}

    def _spans(self, text: str, output: str) -> tuple[list[dict[str, Any]], Mapping[str, np.ndarray]]:
        """The spans of a text's tagged words, and all outputs of its first window."""
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
        logits = [outputs[n][output][len(before) + place - begins[n]] for place, n in enumerate(windows.tolist())]
        logits = np.reshape(logits, (len(ids), len(self.labels)))  # (T, C)
        words = split_words(text)
        first = first_tokens(words, trimmed_offsets(text, offsets))
        tags, scores = decode(word_logits(logits, first, self.labels), self.labels, constrained=settings["constrained"])
        return entities(text, words, tags, scores=scores), outputs[0]

    def answer_question_answering(self, question: str, context: str) -> dict[str, Any]:
        """Answer a question by a part of its context."""
        template, settings = self.template, self.decoding
        asked = self._ids(question.strip())
        told = self.tokenize(context)
        most = settings["max_question_length"]
        about = {"kind": "questions", "argument": "half of max_length", "advice": QUESTION_ADVICE}
        self._check_length(len(asked) > most, limit=most, **about)
        asked = asked[:most]
        head, tail = [*template["before"], *asked, *template["between"]], template["after"]
        room = settings["window"] - len(head) - len(tail)
        step = room - min(settings["stride"], room // 2)
        parts = []
        for begin in range(0, max(1, len(told) - room + step), step):
            part = told[begin : begin + room]
            logits = self.run(*_in_two_segments(head, [*(token for token, _, _ in part), *tail]))["logits"]  # (S, 2)
            spans = best_spans(
                logits[len(head) : len(head) + len(part)],
                n_best=settings["num_best"],
                max_answer_length=settings["max_answer_length"],
            )
            offsets = np.array([(start, end) for _, start, end in part]).reshape(-1, 2)
            parts.append((spans, offsets, float(logits[0].sum())))  # "no answer" is the choice of the first token
        merged = merge_windows(context, parts, n_best=settings["num_best"])
        return answer(merged, context, no_answer=settings["no_answer_threshold"])


def _in_one_segment(row: list[int]) -> tuple[list[int], list[int]]:
    return row, [0] * len(row)


def _in_two_segments(head: list[int], tail: list[int]) -> tuple[list[int], list[int]]:
    return head + tail, [0] * len(head) + [1] * len(tail)


def _longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """How many tokens stay of two texts, of which the longer one is cut, then both."""
    if first + second <= room:
        return first, second
    shorter = min(first, second)
    longer = max(shorter, room - shorter)
    # If both are longer than half of the room they get half each, the longer one the odd place.
    low, high = (room // 2, room - room // 2) if shorter + longer > room else (shorter, longer)
    return (low, high) if first <= second else (high, low)
