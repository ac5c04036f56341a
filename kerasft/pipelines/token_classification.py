"""Token classification (named entities, ...) with a trained model in any format."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasft.answers.token_classification import entities
from kerasft.data.readers.rows import Rows
from kerasft.data.tagged_texts import read_tags, report_unknown_tags
from kerasft.data.trained_columns import tags_as_trained
from kerasft.metrics.spans import SCORING, span_scores
from kerasft.pipelines.tagging import TaggingPipeline, all_outside, checked_texts, count_spans
from kerasft.reports import Report
from kerasft.tasks.token_classification import TOKEN_CLASSIFICATION


class TokenClassificationPipeline(TaggingPipeline):
    """Finds the entities in texts.

    Texts can have any length: long texts are split into overlapping windows, and each token is predicted in the window where it
    has the most context. The tag of a word is that of its first token, as in training.

    Args:
        runner: The model, from token ids to logits.
        tokenizer: The tokenizer that the model was trained with.
        labels: The tags of the outputs, including O.
        max_length: Window length in tokens, including special tokens.
        settings: `stride` (overlap of consecutive windows in tokens), `constrained` (default of the call), `scheme` and
            `invalid` (for `evaluate`, see `kerasft.data.read_tags`).

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

    def __call__(
        self,
        texts: str | Sequence[str],
        *,
        batch_size: int = 32,
        constrained: bool | None = None,
        threshold: float = 0.0,
        with_tags: bool = False,
    ) -> Any:
        """Predict for one or more texts.

        Args:
            texts: One text or a sequence of texts, not split into words.
            batch_size: Windows per batch.
            constrained: Whether to predict the most likely valid tag sequence; None: the value in the bundle's settings, or
                False. If False, invalid sequences are interpreted as conlleval does.
            threshold: Entities with a lower score are dropped.
            with_tags: Whether to add `words`: each word's `start`, `end`, `tag` and `score`.

        Returns:
            For one text a dictionary, for several a list of them: `{"entities": [{"start", "end", "label", "text", "score"},
            ...]}`, with `text[start:end]` in the original text; the score is the mean probability of the words' tags.

        Raises:
            DataError: If an item is not a string.
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

    def tag(
        self, source: object, *, columns: Mapping[str, object] | None = None, batch_size: int = 64
    ) -> list[list[str]]:
        """Tag pre-tokenized words.

        Args:
            source: Any source of `kerasft.data.read_tags`; its tags are not used.
            columns: See `kerasft.data.read_tags`.
            batch_size: Windows per batch.

        Returns:
            For each text a list of tags, one per word.

        Raises:
            DataError: If the data is invalid.

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
        """Evaluate the model on tagged texts with seqeval's entity-level precision, recall and F1.

        Args:
            source: Any source of `kerasft.data.read_tags`, in the tagging scheme of the training data; or its rows.
            columns: See `kerasft.data.read_tags`.
            batch_size: Windows per batch.
            about: Facts for the report's header.

        Returns:
            A report with `entity_f1`, `entity_precision`, `entity_recall` and `token_accuracy`, and the metrics by type.

        Raises:
            DataError: If the data is invalid.
        """
        rows = self._read(source, columns)
        report_unknown_tags(rows, self.labels)
        gold = rows.columns["tags"]
        tagged = self._tagged(rows, batch_size)
        predicted = [tags for tags, _ in tagged]
        counts = {"texts": f"{len(rows):,}", "entities": f"{count_spans(gold):,}"}
        return self._report_tags(
            rows,
            tagged,
            {**(about or {}), **counts, "scoring": f"{SCORING}, model's tags in {self.tagger.scheme}"},
            metrics=span_scores(gold, predicted),
            baseline=span_scores(gold, all_outside(gold)),
            baseline_answer="no entities: the most frequent tag, O, for every word",
            span="entity",
        )
