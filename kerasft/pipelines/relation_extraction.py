"""Texts with two entities in, the relation between these out: over a trained model in any form."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.answers import answers
from kerasft.answers.marked_texts import EntityPair, entity_pair, mark, shown_entity
from kerasft.data.relation_extraction import entity_pairs, read_relations, relation_names
from kerasft.data.unseen_labels import UNKNOWN
from kerasft.encoding.entity_markers import encode_entities, warn_of_truncation
from kerasft.errors import bad_argument, bad_data
from kerasft.features import Labels
from kerasft.inference.runners import Runner, predict_logits
from kerasft.metrics.relations import relation_scores
from kerasft.pipelines.pipeline import Pipeline, item_of
from kerasft.reports import EVALUATED, TRAINING, Report, statistics, summarize, with_baseline
from kerasft.tasks.relation_extraction import RELATION_EXTRACTION

_RELATION_SCORES = ("relation_f1_macro", "relation_f1_micro")


class RelationExtractionPipeline(Pipeline):
    """Answers texts with two entities each by the relation between these.

    An item is a text that is marked `"The <e1>author</e1> of a <e2>keygen</e2>"`, or a tuple `(text, head, tail)` or dictionary
    `{"text": ..., "head": ..., "tail": ...}` whose entities are `(start, end)` or `{"start": ..., "end": ...}` in characters,
    with `"type"` if the answer is to repeat it.

    Args:
        runner: The model: token ids in, logits out.
        tokenizer: The tokenizer that the model was trained with; it has the markers.
        labels: The relations.
        max_length: Longest input in tokens; longer texts are cut to a window around their entities, and warned of.
        negative_label: The label of pairs without a relation, which the scores leave out.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> import kerasft
    >>> marked_backbone, marked = kerasft.vocabulary.add_tokens(
    ...     backbone, tokenizer, kerasft.data.ENTITY_MARKERS, special=True
    ... )
    >>> markers = kerasft.data.marker_ids(marked)
    >>> model = kerasft.heads.relation_classifier(marked_backbone, ["buys", "Other"], markers=markers)
    >>> relate = RelationExtractionPipeline.from_bundle(kerasft.make_bundle(model, marked, max_length=16))
    >>> relate("<e1>we</e1> lost <e2>my money</e2>")["tail"]
    {'text': 'my money', 'start': 8, 'end': 16}
    """

    task = RELATION_EXTRACTION
    fields = ("text", "head", "tail")
    optional_fields = ("head", "tail")

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        labels: Labels,
        *,
        max_length: int,
        negative_label: str | None = None,
    ):
        self.runner = runner
        self.tokenizer = tokenizer
        self.labels = labels
        self.negative_label = negative_label
        self.max_length = min(max_length, runner.sequence_length or max_length)
        self.num_truncated = 0

    @classmethod
    def from_runner(
        cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]
    ) -> "RelationExtractionPipeline":
        """Make the pipeline of a model in any form, its tokenizer, and the content of `kerasft.json`."""
        labels = Labels(metadata["labels"], metadata["problem"])
        negative = metadata.get("settings", {}).get("negative_label")
        return cls(runner, tokenizer, labels, max_length=metadata["max_length"], negative_label=negative)

    def __call__(self, items: Any, *, batch_size: int = 32, top_k: int | None = None) -> Any:
        """Answer one text with its two entities, or many.

        Args:
            items: One item, or a list of items; see the class.
            batch_size: Texts in one run.
            top_k: The k most likely relations instead of the most likely one.

        Returns:
            For each item `{"label": ..., "score": ..., "head": {"text", "start", "end"[, "type"]}, "tail": {...}}`. Characters
            are counted in the text without tags. With `top_k` a list `"labels"` of labels and scores.

        Raises:
            DataError: If an item is not a text with two entities.
            KerasftError: If `top_k` or `batch_size` is wrong.
        """
        one = isinstance(items, str | Mapping | EntityPair) or _is_tuple_item(items)
        pairs = _pairs([items] if one else items)
        found = answers(self.predict_logits(pairs, batch_size=batch_size), self.labels, top_k=top_k)
        result = [
            (answer if isinstance(answer, dict) else {"labels": answer})
            | {"head": shown_entity(pair.text, pair.head), "tail": shown_entity(pair.text, pair.tail)}
            for pair, answer in zip(pairs, found)
        ]
        return result[0] if one else result

    def predict_logits(self, items: Sequence[Any], *, batch_size: int = 32) -> np.ndarray:
        """Return the raw float32 logits, (N, C), of N items.

        Raises:
            DataError: If an item is not a text with two entities.
        """
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise bad_argument("batch_size", "a whole number >= 1", batch_size, "32 is usual.")
        pairs = _pairs(items)
        if not pairs:
            return np.empty((0, len(self.labels)), np.float32)
        encoded = encode_entities(self.tokenizer, pairs, max_length=self.max_length)
        warn_of_truncation(encoded, max_length=self.max_length)
        self.num_truncated += encoded.encoded.num_truncated
        return predict_logits(self.runner, self.tokenizer, encoded.encoded, batch_size=batch_size)

    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
    ) -> Report:
        """Measure the model on labelled texts.

        `relation_f1_macro` is the official score of SemEval-2010 task 8, `relation_f1_micro` that of TACRED: see
        `kerasft.metrics.relation_scores`. Both leave out the negative label.

        Args:
            source: What `kerasft.data.relation_extraction` reads.
            columns: As there.
            batch_size: Texts in one run.
            about: Facts for the report's header.

        Raises:
            DataError: If the data cannot be used.
        """
        rows = read_relations(self.read(source, columns), columns)
        pairs, gold = entity_pairs(rows, labels=self.labels, columns=columns)
        logits = self.predict_logits(pairs, batch_size=batch_size)  # (N, C)
        in_labels = np.flatnonzero(gold != UNKNOWN)  # the others have no probability; they count as errors
        texts = [mark(pairs[row]) for row in in_labels]
        report = summarize(logits[in_labels], gold[in_labels], self.labels, texts=texts, about=about)
        report = with_baseline(report, gold[in_labels], self.baseline)
        truth = relation_names(rows, labels=self.labels, columns=columns)
        predicted = [self.labels[index] for index in logits.argmax(-1)]
        scores = relation_scores(truth, predicted, negative_label=self.negative_label)
        known = self.baseline or statistics(gold[in_labels], self.labels)
        constant = self._commonest_relation(known["counts"])
        constant_scores = relation_scores(truth, [constant] * len(truth), negative_label=self.negative_label)
        measured_on = TRAINING if self.baseline else EVALUATED
        undefined = {}
        if not any(row["support"] for row in scores["relations"]):
            undefined = dict.fromkeys(_RELATION_SCORES, f"no row has a relation but {self.negative_label!r}")
        return dataclasses.replace(
            report,
            rows=len(pairs),
            metrics=_named(scores, report.metrics),
            per_class=scores["relations"],
            baseline=_named(constant_scores, report.baseline),
            baseline_answer=f"always {constant!r}, the commonest relation of the {measured_on} (log loss: by all labels' shares)",
            undefined=undefined,
        )

    def training_baseline(
        self, source: object, *, columns: Mapping[str, object] | None = None
    ) -> dict[str, Any] | None:
        """The relations' counts; see `Pipeline.training_baseline`."""
        gold = entity_pairs(source, labels=self.labels, columns=columns)[1]
        return statistics(gold[gold != UNKNOWN], self.labels)

    def _commonest_relation(self, counts: Sequence[int]) -> str:
        """The commonest label that is a relation: the negative label alone would score 0."""
        counted = {name: count for name, count in zip(self.labels, counts) if name != self.negative_label}
        return max(counted, key=counted.get)


def _named(scores: Mapping[str, Any], of_labels: Mapping[str, float]) -> dict[str, float]:
    """The report's numbers: of relations, and of labels."""
    metrics = {f"relation_{name}": scores[name] for name in ("f1_macro", "f1_micro")}
    metrics["accuracy"] = scores["accuracy"]
    return metrics | {name: of_labels[name] for name in ("log_loss", "calibration_error")}


def _is_tuple_item(items: Any) -> bool:
    """Whether this is one `(text, head, tail)`, and not a tuple of texts."""
    return isinstance(items, tuple) and len(items) == 3 and isinstance(items[0], str) and not isinstance(items[1], str)


def _pairs(items: Any) -> list[EntityPair]:
    if isinstance(items, bytes) or not hasattr(items, "__iter__"):
        raise bad_data("items", "not an item and not a sequence of items", "Give marked texts.", value=items)
    fields = {"fields": RelationExtractionPipeline.fields, "optional": RelationExtractionPipeline.optional_fields}
    pairs = []
    for number, item in enumerate(items, 1):
        fail = functools.partial(_fail, number)
        if isinstance(item, Mapping):
            item_of(item, **fields)  # for its error at other keys
            item = tuple(item.get(name) for name in RelationExtractionPipeline.fields)
        parts = item if isinstance(item, tuple | list) else (item,)
        if len(parts) not in (1, 3):
            raise fail("an item must be a marked text or a text and two entities", fix="Mark both.", value=item)
        pairs.append(item if isinstance(item, EntityPair) else entity_pair(*parts, fail=fail))
    return pairs


def _fail(number: int, problem: str, *, fix: str, value: object) -> Exception:
    return bad_data("items", problem, fix, line=number, value=value)
