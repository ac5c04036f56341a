"""Text classification with a trained model in any format."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.answers import answers, probabilities
from kerasft.answers.out_of_scope import check_out_of_scope, out_of_scope_scores, out_of_scope_threshold
from kerasft.answers.text_classification import check_temperature, check_thresholds
from kerasft.calibration import best_temperature, best_thresholds
from kerasft.data import texts_and_labels
from kerasft.data.readers.rows import Rows
from kerasft.data.splits import separate_label
from kerasft.data.unseen_labels import separate_unseen
from kerasft.encoding.encoded import encode
from kerasft.errors import bad_argument, bad_data, whole_number
from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Labels
from kerasft.inference.runners import Runner, predict_logits
from kerasft.pipelines.pipeline import Pipeline, item_of
from kerasft.pipelines.unseen_labels import summarize_with_unseen
from kerasft.reports import Report, statistics
from kerasft.tasks.text_classification import TEXT_CLASSIFICATION
from kerasft.truncation import one_warning, warn_truncated

Texts = str | tuple[str, str] | Sequence[str] | Sequence[tuple[str, str]]


class TextClassificationPipeline(Pipeline):
    """Predicts labels and scores for texts or pairs of texts.

    Batches are sorted by length to reduce padding, and predictions are returned in the order of the inputs. Empty texts are
    allowed.

    Args:
        runner: The model, from token ids to logits.
        tokenizer: The tokenizer that the model was trained with.
        labels: Labels of the outputs.
        max_length: Maximum input length in tokens; longer texts are truncated, counted in `num_truncated`, with a warning.
        pair: Whether the model takes pairs of texts.
        out_of_scope: `{"threshold": ..., "label": ...}`: minimum probability of a prediction, and the label of texts below
            it; see `tune_out_of_scope`.
        temperature: Temperature for scaling the logits, > 0; see `tune_temperature`.
        thresholds: Multi-label: minimum probability of each label; None: 0.5. See `tune_thresholds`.

    Example:

    >>> from kerasft.inference.runners import keras_runner
    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier(["no", "yes"])
    >>> classify = TextClassificationPipeline(keras_runner(model), tiny.tokenizer(), model.labels, max_length=32)
    >>> sorted(classify("a good film"))
    ['label', 'score']
    >>> len(classify(["a good film", "bad"], top_k=2)[0])
    2
    """

    task = TEXT_CLASSIFICATION
    fields = ("text", "text_pair")
    optional_fields = ("text_pair",)
    has_labels = True
    own_settings = ("out_of_scope", "temperature", "thresholds")

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        labels: Labels,
        *,
        max_length: int,
        pair: bool = False,
        out_of_scope: Mapping[str, Any] | None = None,
        temperature: float = 1.0,
        thresholds: Sequence[float] | None = None,
    ):
        if out_of_scope is not None:
            check_out_of_scope(out_of_scope, labels)
        if thresholds is not None:
            check_thresholds(thresholds, labels)
        check_temperature(temperature, labels)
        super().__init__(runner, tokenizer, max_length=max_length)
        self.labels = labels
        self.pair = pair
        self.out_of_scope = out_of_scope
        self.temperature = temperature
        self.thresholds = thresholds

    @classmethod
    def from_runner(
        cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]
    ) -> "TextClassificationPipeline":
        """Make a pipeline from a model in any format, its tokenizer, and the content of `kerasft.json`."""
        pipeline = super().from_runner(runner, tokenizer, metadata)
        pipeline.pair = bool(metadata.get("pair"))
        return pipeline

    def __call__(
        self,
        texts: Texts,
        text_pair: str | Sequence[str] | None = None,
        *,
        batch_size: int = 32,
        top_k: int | None = None,
        threshold: float | Sequence[float] | None = None,
        with_probabilities: bool = False,
        pairs: str | Sequence[str] | None = None,
    ) -> Any:
        """Predict for one or more texts.

        Args:
            texts: One text, a sequence of texts, one pair as a tuple of two texts or a dictionary of `text` and `text_pair`, or
                a list of such pairs.
            text_pair: The second text, or texts, if `texts` contains only the first texts.
            batch_size: Texts per batch.
            top_k: Return the k most likely labels instead.
            threshold: Multi-label: minimum probability of a label, one for all or one per label. None: the model's thresholds,
                or 0.5.
            with_probabilities: Whether to add the probabilities of all labels.
            pairs: Deprecated name of `text_pair`.

        Returns:
            For one text a dictionary, for several a list of them: see `kerasft.answers.answers`.

        Raises:
            DataError: If an item is not a string.
            KerasftError: If pairs are given to a model for single texts or vice versa, or an argument is invalid.
        """
        if pairs is not None:
            warnings.warn("`pairs` is now `text_pair`.", DeprecationWarning, stacklevel=2)
            text_pair = pairs
        items, one = _items(texts, text_pair)
        logits = self.predict_logits(items, batch_size=batch_size)
        if threshold is None:
            threshold = self.task.defaults["threshold"] if self.thresholds is None else self.thresholds
        result = answers(
            logits,
            self.labels,
            top_k=top_k,
            threshold=threshold,
            with_probabilities=with_probabilities,
            out_of_scope=self.out_of_scope,
            temperature=self.temperature,
        )
        return result[0] if one else result

    def predict_logits(self, texts: Sequence[str] | Sequence[tuple[str, str]], *, batch_size: int = 32) -> np.ndarray:
        """Return the raw float32 logits, (N, C), of N texts or pairs of texts.

        Raises:
            DataError: If an item is not a string.
            KerasftError: If pairs are given to a model for single texts, or vice versa.
        """
        whole_number("batch_size", batch_size, "32 is usual.")
        if not len(texts):
            return np.empty((0, len(self.labels)), np.float32)
        if isinstance(texts[0], tuple) != self.pair:
            expected = "pairs of texts, as this model was trained on" if self.pair else "single texts"
            raise bad_argument(
                "texts",
                expected,
                texts[0],
                "Use text_pair= (--pair) or tuples for pairs, strings for single texts.",
            )
        encoded = encode(self.tokenizer, texts, max_length=self.max_length)
        warn_truncated(encoded.num_truncated, len(texts), limit=self.max_length, kind="pairs" if self.pair else "texts")
        self.num_truncated += encoded.num_truncated
        return predict_logits(self.runner, self.tokenizer, encoded, batch_size=batch_size)

    def predict_probabilities(
        self, texts: Sequence[str] | Sequence[tuple[str, str]], *, batch_size: int = 32
    ) -> np.ndarray:
        """Return the float64 probabilities, (N, C), of N texts or pairs of texts; regression values unchanged."""
        logits = self.predict_logits(texts, batch_size=batch_size)
        return probabilities(logits, self.labels, temperature=self.temperature)

    @one_warning()
    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
        unseen_labels: str = "error",
    ) -> Report:
        """Evaluate the model on labeled texts.

        Metrics use the model's temperature and thresholds. With an out-of-scope threshold, rows with the out-of-scope label are
        evaluated separately: `in_scope_accuracy`, `out_of_scope_recall` and `out_of_scope_precision` use the threshold; all
        other metrics are computed on the in-scope rows without it.

        Args:
            source: Any source of `kerasft.data.text_classification`.
            columns: See `kerasft.data.text_classification`.
            batch_size: Texts per batch.
            about: Facts for the report's header.
            unseen_labels: How to treat labels that the model does not have: `"error"`, or `"count"` such rows as errors, with
                their labels as additional classes. Then there is no `log_loss`, which would be infinite.

        Raises:
            DataError: If the data is invalid.
        """
        if unseen_labels not in ("error", "count"):
            raise bad_argument("unseen_labels", "'error' or 'count'", unseen_labels, "Choose one of them.")
        source = self.read(source, columns)
        outside = None
        if self.out_of_scope is not None:
            source, outside = separate_label(source, self.out_of_scope["label"], columns=columns)
            if not len(source):
                raise bad_data(source.name, "all rows are out of scope", "Add rows with the model's labels.")
        unseen = separate_unseen(source, self.labels, columns=columns)[1] if unseen_labels == "count" else []
        labels = Labels([*self.labels, *unseen], self.labels.problem) if unseen else self.labels
        texts, gold = texts_and_labels(source, labels=labels, columns=columns)
        logits = self.predict_logits(texts, batch_size=batch_size)  # (N, C)
        report = summarize_with_unseen(
            logits / np.float32(self.temperature),
            gold,
            self.labels,
            unseen=unseen,
            baseline=self.baseline,
            thresholds=self.thresholds,
            texts=texts,
            about=self._settings_shown() | dict(about or {}),
        )
        if outside is None:
            return report
        confidence_out = self._confidence_of(outside, columns, batch_size)
        threshold = self.out_of_scope["threshold"]
        scores = out_of_scope_scores(
            self._confidence(logits), logits.argmax(-1) == gold, confidence_out, threshold=threshold
        )
        facts = f"{len(outside)} additional rows of {self.out_of_scope['label']}; threshold {threshold:.4f}"
        return dataclasses.replace(
            report, metrics=scores | report.metrics, about={**report.about, "out of scope": facts}
        )

    def training_baseline(
        self, source: object, *, columns: Mapping[str, object] | None = None
    ) -> dict[str, Any] | None:
        """Return class counts, or target means; see `Pipeline.training_baseline`."""
        return statistics(texts_and_labels(source, labels=self.labels, columns=columns)[1], self.labels)

    def tune_temperature(
        self, source: object, *, columns: Mapping[str, object] | None = None, batch_size: int = 64
    ) -> float:
        """Calibrate probabilities by temperature scaling.

        Useful if probabilities are displayed or compared with a threshold. Predicted labels, and so the accuracy, do not
        change. Thresholds depend on probabilities, so tune them after the temperature: set `pipeline.temperature`, then call
        `tune_thresholds` or `tune_out_of_scope`.

        Args:
            source: At least a few hundred validation rows that the model was not trained on, any source of
                `kerasft.data.text_classification`. Rows with the out-of-scope label are excluded.
            columns: See `kerasft.data.text_classification`.
            batch_size: Texts per batch.

        Returns:
            The temperature, to pass as `settings={"temperature": ...}` to `kerasft.save_bundle`; see
            `kerasft.answers.best_temperature`. A warning is given if the pipeline already has thresholds, which were tuned
            without it.

        Raises:
            KerasftError: If the model is a regression model.
            DataError: If the data is invalid.
        """
        if self.labels.problem == REGRESSION:
            raise bad_argument(
                "model", "a classifier", self.labels.problem, "Regression outputs are not probabilities."
            )
        for name in ("out_of_scope", "thresholds"):
            if getattr(self, name) is not None:
                warnings.warn(
                    f"{name} = {getattr(self, name)} was tuned at temperature {self.temperature:g}: tune it again.",
                    stacklevel=2,
                )
        return best_temperature(*self._held_out(source, columns, batch_size), self.labels)

    def tune_thresholds(
        self, source: object, *, columns: Mapping[str, object] | None = None, batch_size: int = 64
    ) -> list[float]:
        """Tune the probability threshold of each label for maximum F1.

        Useful for multi-label models with rare labels, which are rarely predicted with a threshold of 0.5. The threshold of a
        label with only a few dozen rows, or fewer, is unreliable.

        Args:
            source: Validation rows that the model was not trained on, any source of `kerasft.data.text_classification`.
            columns: See `kerasft.data.text_classification`.
            batch_size: Texts per batch.

        Returns:
            C probability thresholds at the pipeline's temperature, to pass as `settings={"thresholds": ...}` to
            `kerasft.save_bundle`; see `kerasft.answers.best_thresholds`.

        Raises:
            KerasftError: If the model is not multi-label.
            DataError: If the data is invalid.
        """
        if self.labels.problem != MULTI_LABEL:
            fix = "Other models have no thresholds."
            raise bad_argument("model", "a multi-label classifier", self.labels.problem, fix)
        logits, gold = self._held_out(source, columns, batch_size)
        return best_thresholds(probabilities(logits, self.labels, temperature=self.temperature), gold)

    def tune_out_of_scope(
        self,
        source: object,
        label: str = "oos",
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
    ) -> dict[str, Any]:
        """Tune the probability threshold for out-of-scope detection.

        Args:
            source: Validation rows, some of them with `label`, any source of `kerasft.data.text_classification`.
            label: Label of out-of-scope texts; must not be a label of the model.
            columns: See `kerasft.data.text_classification`.
            batch_size: Texts per batch.

        Returns:
            `{"threshold": ..., "label": ...}`, to pass as `settings={"out_of_scope": ...}` to `kerasft.save_bundle`: the
            threshold, at the pipeline's temperature, with the largest sum of in-scope accuracy and out-of-scope recall; see
            `kerasft.answers.out_of_scope_threshold`.

        Raises:
            KerasftError: If the model is not single-label, or has this label.
            DataError: If no row, or every row, has `label`.
        """
        check_out_of_scope({"threshold": 0.0, "label": label}, self.labels)
        if self.labels.problem != SINGLE_LABEL:
            raise bad_argument(
                "model", "a single-label classifier", self.labels.problem, "Other models have no such threshold."
            )
        inside, outside = separate_label(self.read(source, columns), label, columns=columns)
        if not len(inside) or not len(outside):
            fix = "Use validation rows with and without this label."
            raise bad_data(inside.name, f"{len(outside)} rows are labeled {label!r}, {len(inside)} are not", fix)
        texts, gold = texts_and_labels(inside, labels=self.labels, columns=columns)
        logits = self.predict_logits(texts, batch_size=batch_size)
        confidence_out = self._confidence_of(outside, columns, batch_size)
        threshold = out_of_scope_threshold(self._confidence(logits), logits.argmax(-1) == gold, confidence_out)
        return {"threshold": threshold, "label": label}

    def _held_out(
        self, source: object, columns: Mapping[str, object] | None, batch_size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return logits and labels of labeled rows."""
        source = self.read(source, columns)
        if self.out_of_scope is not None:
            source, _ = separate_label(source, self.out_of_scope["label"], columns=columns)
        texts, gold = texts_and_labels(source, labels=self.labels, columns=columns)
        return self.predict_logits(texts, batch_size=batch_size), gold

    def _settings_shown(self) -> dict[str, str]:
        """Return the settings that differ from the defaults, for the report."""
        shown = {} if self.temperature == 1 else {"temperature": f"{self.temperature:.4g}"}
        if self.thresholds is not None:
            shown["thresholds"] = ", ".join(f"{name} {value:.4g}" for name, value in zip(self.labels, self.thresholds))
        return shown

    def _confidence(self, logits: np.ndarray) -> np.ndarray:
        """Return the probability of the most likely label, (N,)."""
        return probabilities(logits, self.labels, temperature=self.temperature).max(-1)

    def _confidence_of(self, rows: Rows, columns: Mapping[str, object] | None, batch_size: int) -> np.ndarray:
        if not len(rows):
            return np.empty(0)
        texts, _ = texts_and_labels(rows, columns=columns)
        return self._confidence(self.predict_logits(texts, batch_size=batch_size))


def _items(texts: Texts, text_pair: str | Sequence[str] | None) -> tuple[list, bool]:
    """Return a list of texts, or of tuples of two, and whether it was a single text."""
    fields = {"fields": TextClassificationPipeline.fields, "optional": TextClassificationPipeline.optional_fields}
    texts = item_of(texts, **fields)
    one = isinstance(texts, str) or (
        isinstance(texts, tuple) and len(texts) == 2 and all(isinstance(text, str) for text in texts)
    )
    if isinstance(text_pair, str) != isinstance(texts, str) and text_pair is not None:
        raise bad_argument(
            "text_pair", "a string if texts is a string, otherwise a sequence", text_pair, "Use the same type for both."
        )
    if one:
        return [texts if text_pair is None else (texts, text_pair)], True
    if not hasattr(texts, "__iter__") or isinstance(texts, bytes):
        raise bad_data("texts", "expected a text or a sequence of texts", "Use strings.", value=texts)
    items = [item_of(item, **fields) for item in texts]
    if text_pair is None:
        return [tuple(item) if isinstance(item, list) else item for item in items], False
    if len(text_pair) != len(items):
        raise bad_argument(
            "text_pair", f"as many as texts ({len(items)})", len(text_pair), "Provide one second text per text."
        )
    return list(zip(items, text_pair)), False
