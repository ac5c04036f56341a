"""Extractive question answering with a trained model in any format."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.answers.question_answering import MAX_ANSWER_LENGTH, Found, answer, best_spans, merge_windows
from kerasft.data.question_answering import answer_tokens
from kerasft.data.readers.squad import Question, read_squad
from kerasft.encoding.question_windows import QuestionWindows
from kerasft.errors import bad_argument, bad_data, whole_number
from kerasft.features import LOGITS, is_unicode
from kerasft.inference.runners import Runner, predict
from kerasft.metrics.squad import answer_scores, best_no_answer_threshold, squad_scores
from kerasft.pipelines.pipeline import Pipeline, item_of
from kerasft.reports import Report
from kerasft.reports.examples import MOST_EXAMPLES, example
from kerasft.tasks.question_answering import QUESTION_ANSWERING
from kerasft.truncation import one_warning

_CHUNK = 1000  # questions per chunk, whose windows are in memory together
_ERRORS = 50  # maximum number of errors in the report


class QuestionAnsweringPipeline(Pipeline):
    """Extracts the answer to a question from a context.

    Long contexts are split into overlapping windows; the best answer of all windows is returned, with its exact offsets in the
    context.

    Args:
        runner: The model, from token ids to start and end logits.
        tokenizer: The tokenizer that the model was trained with.
        max_length: Window length in tokens, including the question.
        settings: `stride`, `max_answer_length` and `no_answer_threshold`, from the bundle; all optional.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> import kerasft
    >>> model = kerasft.heads.question_answering(backbone)
    >>> pipeline = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer, max_length=32, pair=True))
    >>> result = pipeline(("what film?", "a good film and a bad film"))
    >>> sorted(result), result["answer"] == "a good film and a bad film"[result["start"] : result["end"]]
    (['answer', 'end', 'score', 'start'], True)
    """

    task = QUESTION_ANSWERING
    fields = ("question", "context")

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        *,
        max_length: int,
        settings: Mapping[str, Any] | None = None,
    ):
        super().__init__(runner, tokenizer, max_length=max_length, settings=settings)
        stride = self.settings.get("stride")
        # An export with a shorter fixed length uses shorter windows.
        stride = stride if stride is None else min(int(stride), (self.max_length - 1) // 2)
        self.windows = QuestionWindows(tokenizer, max_length=self.max_length, stride=stride)
        self.max_answer_length = int(self.settings.get("max_answer_length") or MAX_ANSWER_LENGTH)
        self.no_answer_threshold = self.settings.get("no_answer_threshold")
        self.num_cut = 0

    def __call__(
        self,
        items: tuple[str, str] | Sequence[tuple[str, str]],
        *,
        batch_size: int = 32,
        top_k: int = 1,
        max_answer_length: int | None = None,
        no_answer: float | None = None,
    ) -> Any:
        """Answer one or more questions.

        Args:
            items: A tuple of question and context or a dictionary of them (`{"question": ..., "context": ...}`), or a list.
            batch_size: Windows per batch.
            top_k: Number of answers to return, in [1, 20].
            max_answer_length: Maximum answer length in tokens; default: the bundle's, or 30.
            no_answer: Threshold of the null score minus the best answer's score, in logits, above which the question is
                unanswerable; default: the bundle's, if it was trained with unanswerable questions; `float("inf")`:
                always answer.

        Returns:
            For one item a dictionary, for a list a list of them: `answer` ("" for no answer), `start` and `end` (character
            offsets in the context; None for no answer), `score` (its probability among the 20 best), with `top_k` > 1 also
            `answers`; see `kerasft.answers.question_answering.answer`.

        Raises:
            DataError: If an item is invalid.
            KerasftError: If a number is out of range.
        """
        for name, value, most in (("top_k", top_k, 20), ("max_answer_length", max_answer_length, None)):
            if value is not None:
                _check_count(name, value, most)
        threshold = self.no_answer_threshold if no_answer is None else no_answer
        if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, (int, float))):
            raise bad_argument("no_answer", "a number or None", threshold, "0.0 is neutral.")
        items = item_of(items, self.fields)
        one = isinstance(items, tuple) and len(items) == 2 and all(isinstance(part, str) for part in items)
        items = [items] if one else _checked(items)
        spans = self.find(items, batch_size=batch_size, max_answer_length=max_answer_length)
        answers = [answer(each, context, top_k=top_k, no_answer=threshold) for each, (_, context) in zip(spans, items)]
        return answers[0] if one else answers

    def find(
        self, items: Sequence[tuple[str, str]], *, batch_size: int = 32, max_answer_length: int | None = None
    ) -> list[Found]:
        """Return the best spans and the null score for N tuples of question and context.

        Raises:
            DataError: If an item is invalid.
            KerasftError: If a number is out of range.
        """
        _check_count("batch_size", batch_size, None)
        items = _checked(items)
        longest = max_answer_length or self.max_answer_length
        spans = []
        with one_warning():
            for start in range(0, len(items), _CHUNK):
                spans += self._find(items[start : start + _CHUNK], batch_size, longest)
        return spans

    def _find(self, items: list[tuple[str, str]], batch_size: int, longest: int) -> list[Found]:
        windows = self.windows([question for question, _ in items], [context for _, context in items])
        self.windows.warn_truncated(windows.num_cut, len(items))
        self.num_cut += windows.num_cut
        logits = predict(self.runner, windows, self.windows.pad_id, batch_size=batch_size)[LOGITS]  # W of (S, 2)
        parts: list[list] = [[] for _ in items]
        for row, scores in enumerate(logits):
            owner, first, count = (int(column[row]) for column in (windows.owner, windows.first, windows.count))
            spans = best_spans(scores[first : first + count], max_answer_length=longest)
            offsets = windows.spans[owner][windows.offset[row] :][:count]
            parts[owner].append((spans, offsets, float(scores[windows.no_answer[row]].sum())))
        return [merge_windows(context, part) for part, (_, context) in zip(parts, items)]

    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
    ) -> Report:
        """Evaluate the model with SQuAD's official metrics.

        Args:
            source: Any source of `kerasft.data.read_squad`.
            columns: Must be None: the field names are SQuAD's.
            batch_size: Windows per batch.
            about: Facts for the report's header.

        Returns:
            The report. `metrics`: those of `kerasft.metrics.squad_scores` and, for data with unanswerable questions,
            `best_f1` and `best_exact_match` with their thresholds. A warning gives the number of answers that cannot be
            predicted because they are longer than `max_answer_length` or than a window.

        Raises:
            DataError: If the data is invalid.
        """
        if columns is not None:
            raise bad_argument("columns", "None", columns, "Rename the fields to question, context, answers, id.")
        questions = read_squad(source)
        spans = self.find([(each.question, each.context) for each in questions], batch_size=batch_size)
        self._warn_of_lost(questions)
        pairs = list(zip(questions, spans))
        answers = [answer(each, one.context, no_answer=self.no_answer_threshold) for one, each in pairs]
        predicted = {one.id: prediction["answer"] for one, prediction in zip(questions, answers)}
        gold = {one.id: one.texts for one in questions}
        metrics = squad_scores(predicted, gold)
        if not all(one.answers for one in questions):
            metrics |= _thresholds(pairs)
        return self._report(
            about,
            title="Question answering",
            rows=len(questions),
            metrics=metrics,
            errors=_mistakes(questions, answers),
            examples=_examples(questions, answers),
            baseline=squad_scores(dict.fromkeys(gold, ""), gold),
            baseline_answer="no answer to any question",
        )

    def best_thresholds(self, source: object, *, batch_size: int = 64) -> dict[str, float]:
        """Tune the no-answer thresholds for the best scores, on validation data, not on test data.

        Args:
            source: Any source of `kerasft.data.read_squad`, including unanswerable questions.
            batch_size: Windows per batch.

        Returns:
            `best_exact_match`, `best_exact_match_threshold`, `best_f1`, `best_f1_threshold`.

        Raises:
            DataError: If the data is invalid.
        """
        questions = read_squad(source)
        spans = self.find([(each.question, each.context) for each in questions], batch_size=batch_size)
        return _thresholds(list(zip(questions, spans)))

    def _warn_of_lost(self, questions: list[Question]) -> None:
        """Count the questions whose gold answers cannot be predicted."""
        windows = self.windows([each.question for each in questions], [each.context for each in questions])
        bounds = np.searchsorted(windows.owner, np.arange(len(questions) + 1))
        too_long = between = 0
        for number, question in enumerate(questions):
            if not question.answers:
                continue
            spans = [answer_tokens(windows.spans[number], each.start, each.end) for each in question.answers]
            short = [span for span in spans if span is not None and span[1] - span[0] < self.max_answer_length]
            rows = slice(*bounds[number : number + 2])
            first, last = windows.offset[rows], windows.offset[rows] + windows.count[rows]
            too_long += not short
            between += bool(short) and not any(((first <= a) & (b < last)).any() for a, b in short)
        if too_long or between:
            warnings.warn(
                f"{too_long + between} of {len(questions)} questions cannot be answered correctly: {too_long} gold answers are "
                f"longer than max_answer_length={self.max_answer_length} tokens, {between} do not fit into any window of "
                f"{self.max_length} tokens.",
                stacklevel=3,
            )


def _thresholds(pairs: list[tuple[Question, Found]]) -> dict[str, float]:
    """Return the best scores over all no-answer thresholds, with the thresholds."""
    scores = [answer_scores(answer(spans, one.context)["answer"], one.texts) for one, spans in pairs]
    none_scores = [spans.no_answer_score for _, spans in pairs]
    answerable = [bool(one.answers) for one, _ in pairs]
    result = {}
    for column, name in enumerate(("exact_match", "f1")):
        best, threshold = best_no_answer_threshold(none_scores, [row[column] for row in scores], answerable)
        result |= {f"best_{name}": best, f"best_{name}_threshold": threshold}
    return result


def _mistakes(questions: list[Question], answers: list[dict]) -> list[dict]:
    """Return the errors, most confident first."""
    errors = [
        {
            "row": row,
            "text": one.question,
            "truth": " | ".join(dict.fromkeys(one.texts)) or "(no answer)",
            "predicted": prediction["answer"] or "(no answer)",
            "confidence": prediction["score"],
        }
        for row, (one, prediction) in enumerate(zip(questions, answers))
        if not answer_scores(prediction["answer"], one.texts)[0]
    ]
    return sorted(errors, key=lambda error: -error["confidence"])[:_ERRORS]


def _examples(questions: list[Question], answers: list[dict]) -> list[dict]:
    """Return questions with the gold and predicted answers marked in the contexts: errors first, most confident first."""
    exact = [bool(answer_scores(prediction["answer"], one.texts)[0]) for one, prediction in zip(questions, answers)]
    order = sorted(range(len(questions)), key=lambda row: (exact[row], -answers[row]["score"]))
    examples = []
    for row in order[:MOST_EXAMPLES]:
        one, prediction = questions[row], answers[row]
        start, end = prediction["start"], prediction["end"]
        gold_spans = [{"start": each.start, "end": each.end, "label": ""} for each in one.answers]
        predicted_spans = [] if start is None else [{"start": start, "end": end, "label": ""}]
        texts = {"truth": " | ".join(dict.fromkeys(one.texts)), "predicted": prediction["answer"]}
        answer_row = {side: text or "(no answer)" for side, text in texts.items()}
        answer_row |= {"name": "expected", "question": one.question}
        facts = {"row": row, "right": exact[row], "confidence": prediction["score"], "answer": answer_row}
        examples.append(example(one.context, gold_spans, predicted_spans, **facts))
    return examples


def _checked(items: Any) -> list[tuple[str, str]]:
    if isinstance(items, (str, bytes, Mapping)) or not hasattr(items, "__iter__"):
        raise bad_data(
            "items", "expected a list of questions", "Use (question, context), or a list of such tuples.", value=items
        )
    fields = QuestionAnsweringPipeline.fields
    checked = [tuple(item) if isinstance(item, list) else item_of(item, fields) for item in items]
    for number, item in enumerate(checked, 1):
        if not isinstance(item, tuple) or len(item) != 2 or not all(isinstance(part, str) for part in item):
            fix = "Use two texts."
            raise bad_data("items", "expected a tuple (question, context)", fix, line=number, value=item)
        if not all(is_unicode(part) for part in item):
            raise bad_data(
                "items",
                "expected a valid Unicode string, got a lone surrogate",
                "Decode it as UTF-8.",
                line=number,
                value=item,
            )
    return checked


def _check_count(name: str, value: object, most: int | None) -> None:
    expected = None if most is None else f"a whole number in [1, {most}]"
    whole_number(name, value, "See QuestionAnsweringPipeline.", most=most, expected=expected)
