"""Texts in, entities with their character offsets out: over a trained model in any form."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.answers.tags import spans_of
from kerasft.answers.token_classification import decode, entities
from kerasft.data.readers.rows import Rows
from kerasft.data.tagged_texts import read_tags, report_unknown_tags
from kerasft.data.trained_columns import tags_as_trained
from kerasft.features import LOGITS, Labels
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
from kerasft.reports import Report, undefined_spans
from kerasft.tasks.settling import reading_of
from kerasft.tasks.token_classification import TOKEN_CLASSIFICATION


class TokenClassificationPipeline(Pipeline):
    """Answers texts with the entities in them.

    A text of any length is answered: what is longer than the model takes is run in overlapping windows, each token
    answered once, where it has most context. A word's tag is that of its first token, as in training.

    Args:
        runner: The model: token ids in, logits out.
        tokenizer: The tokenizer that the model was trained with.
        labels: The tags that the outputs stand for, O among them.
        max_length: Tokens of a window, special tokens included.
        settings: `stride` (tokens that two windows share), `constrained` (the default of the call), `scheme` and `invalid`
            (how `evaluate` reads data, see `kerasft.data.read_tags`).

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> from kerasft.inference.runners import keras_runner
    >>> from kerasft.heads import token_classifier
    >>> model = token_classifier(backbone, ["O", "B-PER", "I-PER"])
    >>> find = TokenClassificationPipeline(keras_runner(model), tokenizer, model.labels, max_length=16)
    >>> sorted(find("a good film")), len(find(["a good film", ""]))
    (['entities'], 2)
    """

    task = TOKEN_CLASSIFICATION

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        labels: Labels,
        *,
        max_length: int,
        settings: Mapping[str, Any] | None = None,
    ):
        self.settings = dict(settings or {})
        self.labels = labels
        stride = self.settings.get("stride")
        self.tagger = Tagger(runner, tokenizer, labels, output=LOGITS, max_length=max_length, stride=stride)

    @classmethod
    def from_runner(
        cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]
    ) -> "TokenClassificationPipeline":
        """Make the pipeline of a model in any form, its tokenizer, and the content of `kerasft.json`."""
        labels = Labels(metadata["labels"], metadata["problem"])
        return cls(runner, tokenizer, labels, max_length=metadata["max_length"], settings=metadata.get("settings", {}))

    def __call__(
        self,
        texts: str | Sequence[str],
        *,
        batch_size: int = 32,
        constrained: bool | None = None,
        threshold: float = 0.0,
        with_tags: bool = False,
    ) -> Any:
        """Answer one text or many.

        Args:
            texts: One text or a sequence of texts, as they are: not cut into words.
            batch_size: Windows in one run.
            constrained: Whether only legal sequences of tags are answered (the most likely one of them); None: as the bundle's
                settings say, else no, and tags are read as conlleval does.
            threshold: Entities with a lower score are left out.
            with_tags: Whether to add `words`: each word's `start`, `end`, `tag` and `score`.

        Returns:
            For one text its answer, for many a list of answers: `{"entities": [{"start", "end", "label", "text", "score"},
            ...]}`, with `text[start:end]` in the original text, and the mean probability of the words' tags as score.

        Raises:
            DataError: If an item is not text.
            KerasftError: If an argument is out of range.
        """
        items, one = checked_texts(texts)
        offsets, logits, _ = self.tagger.raw(items, batch_size=batch_size)
        answers = []
        for text, words, row in zip(items, offsets, logits):
            tags, scores = self._decode(row, constrained)
            answer = {"entities": entities(text, words, tags, scores=scores, threshold=threshold)}
            if with_tags:
                answer["words"] = [
                    {"start": start, "end": end, "tag": tag, "score": float(score)}
                    for (start, end), tag, score in zip(words, tags, scores)
                ]
            answers.append(answer)
        return answers[0] if one else answers

    @property
    def reading(self) -> dict[str, Any]:
        """How `kerasft.data.read_tags` reads files like those of the training."""
        return reading_of(self.settings)

    def _decode(self, logits: np.ndarray, constrained: bool | None) -> tuple[list[str], np.ndarray]:
        if constrained is None:
            constrained = bool(self.settings.get("constrained", False))
        return decode(logits, self.labels, constrained=constrained)

    def tag(
        self, source: object, *, columns: Mapping[str, object] | None = None, batch_size: int = 64
    ) -> list[list[str]]:
        """Tag words that are given as such.

        Args:
            source: What `kerasft.data.read_tags` reads; its own tags are not used.
            columns: As there.
            batch_size: Windows in one run.

        Returns:
            Of each text a list of tags, one a word.

        Raises:
            DataError: If the data cannot be used.

        Example:

        >>> from kerasft.demo import tiny
        >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
        >>> from kerasft.inference.runners import keras_runner
        >>> from kerasft.heads import token_classifier
        >>> model = token_classifier(backbone, ["O", "B-PER", "I-PER"])
        >>> find = TokenClassificationPipeline(keras_runner(model), tokenizer, model.labels, max_length=16)
        >>> len(find.tag([(["a", "good", "film"], ["O", "O", "O"])])[0])
        3
        """
        return [tags for tags, _ in self._tagged(self._read(source, columns), batch_size)]

    def _read(self, source: object, columns: Mapping[str, object] | None) -> Rows:
        source, columns = tags_as_trained(source, self.columns, columns)
        return read_tags(source, columns=columns, **self.reading)

    def _tagged(self, rows: Rows, batch_size: int) -> list[tuple[list[str], np.ndarray]]:
        logits, _ = self.tagger(rows.columns["text"], rows.columns["offsets"], batch_size=batch_size)
        return [self._decode(row, None) for row in logits]

    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
    ) -> Report:
        """Measure the model on tagged texts, as seqeval does: precision, recall and F1 of whole entities.

        Args:
            source: What `kerasft.data.read_tags` reads, in the scheme of the training data; or its rows.
            columns: As there.
            batch_size: Windows in one run.
            about: Facts for the report's header.

        Returns:
            A report with `entity_f1`, `entity_precision`, `entity_recall` and `token_accuracy`, and the scores by type.

        Raises:
            DataError: If the data cannot be used.
        """
        rows = self._read(source, columns)
        report_unknown_tags(rows, self.labels)
        texts, offsets, truth = (rows.columns[name] for name in ("text", "offsets", "tags"))
        decoded = self._tagged(rows, batch_size)
        predicted = [tags for tags, _ in decoded]
        found = [
            entities(text, words, tags, scores=scores) for text, words, (tags, scores) in zip(texts, offsets, decoded)
        ]
        expected = [
            entities(text, words, tags, scores=np.ones(len(tags))) for text, words, tags in zip(texts, offsets, truth)
        ]
        by_type = span_scores_by_type(truth, predicted)
        spans = sum(len(spans_of(tags)) for tags in truth)
        scoring = f"{SCORING}, model's tags in {self.tagger.scheme}"
        counts = {"texts": f"{len(texts):,}", "entities": f"{spans:,}"}
        return Report(
            title="Evaluation",
            about={**(about or {}), **counts, "scoring": scoring},
            problem=self.task.name,
            labels=[row["label"] for row in by_type],
            rows=len(texts),
            metrics=span_scores(truth, predicted),
            per_class=by_type,
            errors=tagging_errors(rows, found, expected),
            examples=tagging_examples(rows, found, expected),
            baseline=span_scores(truth, all_outside(truth)),
            baseline_answer="no entity anywhere: O, the commonest tag, for every word",
            undefined=undefined_spans(spans, sum(len(spans_of(tags)) for tags in predicted), name="entity"),
        )
