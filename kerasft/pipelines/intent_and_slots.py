"""Utterances in, intents and slots with their character offsets out: over a trained model in any form."""

import collections
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.answers.tags import spans_of
from kerasft.answers.text_classification import answers as classify
from kerasft.answers.token_classification import decode, entities
from kerasft.data.intent_and_slots import intents_of, report_unknown_intents
from kerasft.data.tagged_texts import read_tags, report_unknown_tags
from kerasft.data.trained_columns import tags_as_trained
from kerasft.features import Labels
from kerasft.heads.intent_and_slots import INTENT_LOGITS, SLOT_LOGITS
from kerasft.inference.runners import Runner
from kerasft.metrics.spans import SCORING, span_scores, span_scores_by_type
from kerasft.pipelines.pipeline import Pipeline
from kerasft.pipelines.tagging import (
    Tagger,
    all_outside,
    checked_texts,
    tagging_errors,
    tagging_examples,
)
from kerasft.reports import EVALUATED, TRAINING, Report, undefined_spans
from kerasft.tasks.intent_and_slots import INTENT_AND_SLOTS
from kerasft.tasks.settling import reading_of


class IntentAndSlotsPipeline(Pipeline):
    """Answers utterances with what is wanted (the intent) and the details named (the slots).

    Args:
        runner: The model: token ids in, `intent_logits` and `slot_logits` out.
        tokenizer: The tokenizer that the model was trained with.
        labels: The tags that `slot_logits` stand for.
        max_length: Tokens of a window, special tokens included. The intent is that of a text's first window.
        settings: `intents` (the names of the intents, needed), and as for `TokenClassificationPipeline`.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> from kerasft.inference.runners import keras_runner
    >>> from kerasft.heads import intent_and_slots
    >>> model = intent_and_slots(backbone, ["pay", "lost"], ["O", "B-card", "I-card"])
    >>> settings = {"intents": list(model.intents)}
    >>> answer = IntentAndSlotsPipeline(keras_runner(model), tokenizer, model.labels, max_length=16, settings=settings)
    >>> sorted(answer("I lost my card"))
    ['intent', 'slots']
    """

    task = INTENT_AND_SLOTS

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        labels: Labels,
        *,
        max_length: int,
        settings: Mapping[str, Any],
    ):
        self.settings = dict(settings)
        self.labels, self.intents = labels, Labels(self.settings["intents"])
        stride = self.settings.get("stride")
        self.tagger = Tagger(runner, tokenizer, labels, output=SLOT_LOGITS, max_length=max_length, stride=stride)

    @classmethod
    def from_runner(
        cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]
    ) -> "IntentAndSlotsPipeline":
        """Make the pipeline of a model in any form, its tokenizer, and the content of `kerasft.json`."""
        labels = Labels(metadata["labels"], metadata["problem"])
        return cls(runner, tokenizer, labels, max_length=metadata["max_length"], settings=metadata["settings"])

    def __call__(
        self,
        texts: str | Sequence[str],
        *,
        batch_size: int = 32,
        constrained: bool | None = None,
        threshold: float = 0.0,
        top_k: int | None = None,
    ) -> Any:
        """Answer one utterance or many.

        Args:
            texts: One text or a sequence of texts.
            batch_size: Windows in one run.
            constrained: Whether only legal sequences of tags are answered; None: as the settings say, else no.
            threshold: Slots with a lower score are left out.
            top_k: Add `intents`, the k most likely ones.

        Returns:
            For one text its answer, for many a list of answers: `{"intent": {"label", "score"}, "slots": [{"start", "end",
            "label", "text", "score"}, ...]}`, with `text[start:end]` in the original text.

        Raises:
            DataError: If an item is not text.
            KerasftError: If an argument is out of range.
        """
        items, one = checked_texts(texts)
        offsets, logits, others = self.tagger.raw(items, batch_size=batch_size)
        intents = np.reshape(others.get(INTENT_LOGITS, []), (len(items), len(self.intents)))  # (N, C1)
        answers = []
        ranked = None if top_k is None else classify(intents, self.intents, top_k=top_k)
        for row, intent in enumerate(classify(intents, self.intents)):
            tags, scores = self._decode(logits[row], constrained)
            slots = entities(items[row], offsets[row], tags, scores=scores, threshold=threshold)
            answers.append({"intent": intent, "slots": slots} | ({} if ranked is None else {"intents": ranked[row]}))
        return answers[0] if one else answers

    @property
    def reading(self) -> dict[str, Any]:
        """How `kerasft.data.read_tags` reads files like those of the training."""
        return reading_of(self.settings)

    def _decode(self, logits: np.ndarray, constrained: bool | None) -> tuple[list[str], np.ndarray]:
        if constrained is None:
            constrained = bool(self.settings.get("constrained", False))
        return decode(logits, self.labels, constrained=constrained)

    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
    ) -> Report:
        """Measure the model on utterances with intents and tagged words.

        Args:
            source: What `kerasft.data.read_tags` reads, with intents, in the scheme of the training data; or its rows.
            columns: As there.
            batch_size: Windows in one run.
            about: Facts for the report's header.

        Returns:
            A report with `intent_accuracy`, `slot_f1` (as seqeval counts), `joint_accuracy` (the share of utterances whose intent
            and slots are all right), `slot_precision`, `slot_recall` and `token_accuracy`; and the scores by slot.

        Raises:
            DataError: If the data cannot be used or has no intents.
        """
        source, columns = tags_as_trained(source, self.columns, columns)
        rows = read_tags(source, columns=columns, **self.reading)
        report_unknown_tags(rows, self.labels)
        report_unknown_intents(rows, self.intents)
        texts, offsets, truth = (rows.columns[name] for name in ("text", "offsets", "tags"))
        logits, others = self.tagger(texts, offsets, batch_size=batch_size)
        intents = classify(np.stack(others[INTENT_LOGITS]), self.intents)
        decoded = [self._decode(row, None) for row in logits]
        predicted = [tags for tags, _ in decoded]
        gold, answered = intents_of(rows), [intent["label"] for intent in intents]
        known = (self.baseline or {}).get("intent")
        commonest = known or collections.Counter(gold).most_common(1)[0][0]
        found = [entities(t, w, tags, scores=scores) for t, w, (tags, scores) in zip(texts, offsets, decoded)]
        expected = [entities(t, w, tags, scores=np.ones(len(tags))) for t, w, tags in zip(texts, offsets, truth)]
        by_type = span_scores_by_type(truth, predicted)
        return Report(
            title="Evaluation",
            about={**(about or {}), "scoring": f"slots: {SCORING}, model's tags in {self.tagger.scheme}"},
            problem=self.task.name,
            labels=[row["label"] for row in by_type],
            rows=len(texts),
            metrics=_scores(gold, answered, truth, predicted),
            per_class=by_type,
            errors=tagging_errors(rows, found, expected),
            examples=tagging_examples(rows, found, expected, intents=list(zip(gold, answered))),
            baseline=_scores(gold, [commonest] * len(gold), truth, all_outside(truth)),
            baseline_answer=f"always {commonest!r}, the commonest intent of the {TRAINING if known else EVALUATED}, "
            "and no slot",
            undefined=undefined_spans(sum(map(_count, truth)), sum(map(_count, predicted)), name="slot"),
        )

    def training_baseline(
        self, source: object, *, columns: Mapping[str, object] | None = None
    ) -> dict[str, Any] | None:
        """The commonest intent; see `Pipeline.training_baseline`."""
        intents = intents_of(read_tags(source, columns=columns, **self.reading))
        return {"intent": collections.Counter(intents).most_common(1)[0][0]}


def _count(tags: Sequence[str]) -> int:
    return len(spans_of(tags))


def _scores(
    intents: Sequence[str], answered: Sequence[str], truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> dict[str, float]:
    """The report's numbers: of intents, slots, and both."""
    right = np.array([intent == gold for intent, gold in zip(answered, intents)])
    slots_right = np.array([spans_of(a) == spans_of(b) for a, b in zip(truth, predicted)])
    slots = span_scores(truth, predicted, name="slot")
    scores = {"intent_accuracy": float(right.mean()), "slot_f1": slots.pop("slot_f1")}
    return scores | {"joint_accuracy": float((right & slots_right).mean()), **slots}
