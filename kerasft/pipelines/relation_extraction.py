"""Relation extraction with a trained model in any format."""

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
from kerasft.errors import bad_data, whole_number
from kerasft.features import Labels
from kerasft.inference.runners import Runner, predict_logits
from kerasft.metrics.relations import relation_scores
from kerasft.pipelines.pipeline import Pipeline, item_of
from kerasft.reports import EVALUATED, TRAINING, Report, statistics, summarize, with_baseline
from kerasft.tasks.relation_extraction import RELATION_EXTRACTION

_RELATION_SCORES = ("relation_f1_macro", "relation_f1_micro")


class RelationExtractionPipeline(Pipeline):
    """Predicts the relation between two marked entities of a text.

    An item is a marked text `"The <e1>author</e1> of a <e2>keygen</e2>"`, or a tuple `(text, head, tail)` or dictionary
    `{"text": ..., "head": ..., "tail": ...}` whose entities are `(start, end)` or `{"start": ..., "end": ...}` in characters,
    optionally with `"type"`, which is copied to the prediction.

    Args:
        runner: The model, from token ids to logits.
        tokenizer: The tokenizer that the model was trained with, including the markers.
        labels: The relations.
        max_length: Maximum input length in tokens; longer texts are truncated to a window around the entities, with a warning.
        negative_label: The label of pairs without a relation, excluded from the metrics.

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
    has_labels = True
    own_settings = ("negative_label",)

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        labels: Labels,
        *,
        max_length: int,
        negative_label: str | None = None,
    ):
        super().__init__(runner, tokenizer, max_length=max_length)
        self.labels = labels
        self.negative_label = negative_label

    def __call__(self, items: Any, *, batch_size: int = 32, top_k: int | None = None) -> Any:
        """Predict for one or more texts with two entities.

        Args:
            items: One item, or a list of items; see the class.
            batch_size: Texts per batch.
            top_k: Return the k most likely relations instead of one.

        Returns:
            One dictionary per item: `{"label": ..., "score": ..., "head": {"text", "start", "end"[, "type"]}, "tail": {...}}`.
            Offsets refer to the text without tags. With `top_k` a list `"labels"` of labels and scores.

        Raises:
            DataError: If an item is not a text with two entities.
            KerasftError: If `top_k` or `batch_size` is invalid.
        """
        one = isinstance(items, str | Mapping | EntityPair) or _is_tuple_item(items)
        pairs = _pairs([items] if one else items)
        relations = answers(self.predict_logits(pairs, batch_size=batch_size), self.labels, top_k=top_k)
        result = [
            (answer if isinstance(answer, dict) else {"labels": answer})
            | {"head": shown_entity(pair.text, pair.head), "tail": shown_entity(pair.text, pair.tail)}
            for pair, answer in zip(pairs, relations)
        ]
        return result[0] if one else result

    def predict_logits(self, items: Sequence[Any], *, batch_size: int = 32) -> np.ndarray:
        """Return the raw float32 logits, (N, C), of N items.

        Raises:
            DataError: If an item is not a text with two entities.
        """
        whole_number("batch_size", batch_size, "32 is usual.")
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
        """Evaluate the model on labeled texts.

        `relation_f1_macro` is the official score of SemEval-2010 task 8, `relation_f1_micro` that of TACRED: see
        `kerasft.metrics.relation_scores`. Both exclude the negative label.

        Args:
            source: Any source of `kerasft.data.relation_extraction`.
            columns: See `kerasft.data.relation_extraction`.
            batch_size: Texts per batch.
            about: Facts for the report's header.

        Raises:
            DataError: If the data is invalid.
        """
        rows = read_relations(self.read(source, columns), columns)
        pairs, gold = entity_pairs(rows, labels=self.labels, columns=columns)
        logits = self.predict_logits(pairs, batch_size=batch_size)  # (N, C)
        in_labels = np.flatnonzero(gold != UNKNOWN)  # unknown labels have no probability; they count as errors
        texts = [mark(pairs[row]) for row in in_labels]
        report = summarize(logits[in_labels], gold[in_labels], self.labels, texts=texts, about=about)
        report = with_baseline(report, gold[in_labels], self.baseline)
        gold_names = relation_names(rows, labels=self.labels, columns=columns)
        predicted = [self.labels[index] for index in logits.argmax(-1)]
        scores = relation_scores(gold_names, predicted, negative_label=self.negative_label)
        known = self.baseline or statistics(gold[in_labels], self.labels)
        constant = self._most_frequent_relation(known["counts"])
        constant_scores = relation_scores(gold_names, [constant] * len(gold_names), negative_label=self.negative_label)
        measured_on = TRAINING if self.baseline else EVALUATED
        undefined = {}
        if not any(row["support"] for row in scores["relations"]):
            undefined = dict.fromkeys(_RELATION_SCORES, f"no row has a relation other than {self.negative_label!r}")
        return dataclasses.replace(
            report,
            rows=len(pairs),
            metrics=_named(scores, report.metrics),
            per_class=scores["relations"],
            baseline=_named(constant_scores, report.baseline),
            baseline_answer=f"always {constant!r}, the most frequent relation of the {measured_on} (log loss: class frequencies)",
            undefined=undefined,
        )

    def training_baseline(
        self, source: object, *, columns: Mapping[str, object] | None = None
    ) -> dict[str, Any] | None:
        """Return the counts of the relations; see `Pipeline.training_baseline`."""
        gold = entity_pairs(source, labels=self.labels, columns=columns)[1]
        return statistics(gold[gold != UNKNOWN], self.labels)

    def _most_frequent_relation(self, counts: Sequence[int]) -> str:
        """Return the most frequent label, except the negative label, which would score 0."""
        relations = {name: count for name, count in zip(self.labels, counts) if name != self.negative_label}
        return max(relations, key=relations.get)


def _named(scores: Mapping[str, Any], of_labels: Mapping[str, float]) -> dict[str, float]:
    """Return the report's metrics: for relations, and for all labels."""
    metrics = {f"relation_{name}": scores[name] for name in ("f1_macro", "f1_micro")}
    metrics["accuracy"] = scores["accuracy"]
    return metrics | {name: of_labels[name] for name in ("log_loss", "calibration_error")}


def _is_tuple_item(items: Any) -> bool:
    """Whether this is one item `(text, head, tail)`, not a tuple of texts."""
    return isinstance(items, tuple) and len(items) == 3 and isinstance(items[0], str) and not isinstance(items[1], str)


def _pairs(items: Any) -> list[EntityPair]:
    if isinstance(items, bytes) or not hasattr(items, "__iter__"):
        raise bad_data("items", "expected an item or a sequence of items", "Use marked texts.", value=items)
    fields = {"fields": RelationExtractionPipeline.fields, "optional": RelationExtractionPipeline.optional_fields}
    pairs = []
    for number, item in enumerate(items, 1):
        fail = functools.partial(_fail, number)
        if isinstance(item, Mapping):
            item_of(item, **fields)  # raises for unexpected keys
            item = tuple(item.get(name) for name in RelationExtractionPipeline.fields)
        parts = item if isinstance(item, tuple | list) else (item,)
        if len(parts) not in (1, 3):
            raise fail("expected a marked text, or a text and two entities", fix="Mark both entities.", value=item)
        pairs.append(item if isinstance(item, EntityPair) else entity_pair(*parts, fail=fail))
    return pairs


def _fail(number: int, problem: str, *, fix: str, value: object) -> Exception:
    return bad_data("items", problem, fix, line=number, value=value)
