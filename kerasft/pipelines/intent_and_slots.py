"""Joint intent classification and slot filling with a trained model in any format."""

import collections
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.answers.tags import spans_of
from kerasft.answers.text_classification import answers as classify
from kerasft.answers.token_classification import entities
from kerasft.data.intent_and_slots import intents_of, report_unknown_intents
from kerasft.data.tagged_texts import read_tags, report_unknown_tags
from kerasft.data.trained_columns import tags_as_trained
from kerasft.features import Labels
from kerasft.heads.intent_and_slots import INTENT_LOGITS, SLOT_LOGITS
from kerasft.inference.runners import Runner
from kerasft.metrics.spans import SCORING, span_scores
from kerasft.pipelines.tagging import TaggingPipeline, all_outside, checked_texts
from kerasft.reports import EVALUATED, TRAINING, Report
from kerasft.tasks.intent_and_slots import INTENT_AND_SLOTS


class IntentAndSlotsPipeline(TaggingPipeline):
    """Predicts the intent and the slots of utterances.

    Args:
        runner: The model, from token ids to `intent_logits` and `slot_logits`.
        tokenizer: The tokenizer that the model was trained with.
        labels: The tags of `slot_logits`.
        max_length: Window length in tokens, including special tokens. The intent comes from a text's first window.
        settings: `intents` (the names of the intents, required), and the settings of `TokenClassificationPipeline`.

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
    output = SLOT_LOGITS

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        labels: Labels,
        *,
        max_length: int,
        settings: Mapping[str, Any],
    ):
        super().__init__(runner, tokenizer, labels, max_length=max_length, settings=settings)
        self.intents = Labels(self.settings["intents"])

    def __call__(
        self,
        texts: str | Sequence[str],
        *,
        batch_size: int = 32,
        constrained: bool | None = None,
        threshold: float = 0.0,
        top_k: int | None = None,
    ) -> Any:
        """Predict for one or more utterances.

        Args:
            texts: One text or a sequence of texts.
            batch_size: Windows per batch.
            constrained: Whether to predict only valid tag sequences; None: the value in the settings, or False.
            threshold: Slots with a lower score are dropped.
            top_k: Also return `intents`, the k most likely intents.

        Returns:
            For one text a dictionary, for several a list of them: `{"intent": {"label", "score"}, "slots": [{"start", "end",
            "label", "text", "score"}, ...]}`, with `text[start:end]` in the original text.

        Raises:
            DataError: If an item is not a string.
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

    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
    ) -> Report:
        """Evaluate the model on utterances with intents and tagged words.

        Args:
            source: Any source of `kerasft.data.read_tags`, with intents, in the tagging scheme of the training data; or its rows.
            columns: See `kerasft.data.read_tags`.
            batch_size: Windows per batch.
            about: Facts for the report's header.

        Returns:
            A report with `intent_accuracy`, `slot_f1` (as seqeval counts), `joint_accuracy` (the fraction of utterances whose
            intent and slots are all correct), `slot_precision`, `slot_recall` and `token_accuracy`; and the scores by slot.

        Raises:
            DataError: If the data is invalid or has no intents.
        """
        source, columns = tags_as_trained(source, self.columns, columns)
        rows = read_tags(source, columns=columns, **self.reading)
        report_unknown_tags(rows, self.labels)
        report_unknown_intents(rows, self.intents)
        texts, offsets, gold_tags = (rows.columns[name] for name in ("text", "offsets", "tags"))
        logits, others = self.tagger(texts, offsets, batch_size=batch_size)
        intents = classify(np.stack(others[INTENT_LOGITS]), self.intents)
        tagged = [self._decode(row, None) for row in logits]
        predicted = [tags for tags, _ in tagged]
        gold = intents_of(rows)
        predicted_intents = [intent["label"] for intent in intents]
        known = (self.baseline or {}).get("intent")
        most_frequent = known or collections.Counter(gold).most_common(1)[0][0]
        return self._report_tags(
            rows,
            tagged,
            {**(about or {}), "scoring": f"slots: {SCORING}, model's tags in {self.tagger.scheme}"},
            metrics=_scores(gold, predicted_intents, gold_tags, predicted),
            baseline=_scores(gold, [most_frequent] * len(gold), gold_tags, all_outside(gold_tags)),
            baseline_answer=f"always {most_frequent!r}, the most frequent intent of the {TRAINING if known else EVALUATED}, "
            "and no slot",
            span="slot",
            intents=list(zip(gold, predicted_intents)),
        )

    def training_baseline(
        self, source: object, *, columns: Mapping[str, object] | None = None
    ) -> dict[str, Any] | None:
        """Return the most frequent intent; see `Pipeline.training_baseline`."""
        intents = intents_of(read_tags(source, columns=columns, **self.reading))
        return {"intent": collections.Counter(intents).most_common(1)[0][0]}


def _scores(
    gold_intents: Sequence[str],
    predicted_intents: Sequence[str],
    gold_tags: Sequence[Sequence[str]],
    predicted_tags: Sequence[Sequence[str]],
) -> dict[str, float]:
    """Return the report's metrics: for intents, slots, and both."""
    correct = np.array([predicted == gold for predicted, gold in zip(predicted_intents, gold_intents)])
    slots_correct = np.array([spans_of(a) == spans_of(b) for a, b in zip(gold_tags, predicted_tags)])
    slots = span_scores(gold_tags, predicted_tags, name="slot")
    scores = {"intent_accuracy": float(correct.mean()), "slot_f1": slots.pop("slot_f1")}
    return scores | {"joint_accuracy": float((correct & slots_correct).mean()), **slots}
