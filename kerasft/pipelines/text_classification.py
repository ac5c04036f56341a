"""Texts in, labels out: over a trained model in any form."""

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
from kerasft.errors import bad_argument, bad_data
from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Labels
from kerasft.inference.runners import Runner, predict_logits
from kerasft.pipelines.pipeline import Pipeline, item_of
from kerasft.pipelines.unseen_labels import summarize_with_unseen
from kerasft.reports import Report, statistics
from kerasft.tasks.text_classification import TEXT_CLASSIFICATION
from kerasft.truncation import one_warning, warn_truncated

Texts = str | tuple[str, str] | Sequence[str] | Sequence[tuple[str, str]]


class TextClassificationPipeline(Pipeline):
    """Answers texts, or pairs of texts, with labels and scores.

    Texts are tokenised in batches, sorted by length so that little is padded, run, and answered in the given order. An
    empty text is answered too: as what the model makes of no words.

    Args:
        runner: The model: token ids in, logits out.
        tokenizer: The tokenizer that the model was trained with.
        labels: What the outputs stand for.
        max_length: Longest input in tokens; longer texts are truncated, counted in `num_truncated`, and warned of.
        pair: Whether the model reads pairs of texts.
        out_of_scope: `{"threshold": ..., "label": ...}`: from what probability a text has one of the labels, and what it has
            otherwise; see `tune_out_of_scope`.
        temperature: What the logits are divided by before they become probabilities, > 0; see `tune_temperature`.
        thresholds: Of a model of several labels: from what probability each of them holds; `None`: 0.5. See
            `tune_thresholds`.

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
        self.runner = runner
        self.tokenizer = tokenizer
        self.labels = labels
        self.pair = pair
        self.out_of_scope = out_of_scope
        self.temperature = temperature
        self.thresholds = thresholds
        self.max_length = min(max_length, runner.sequence_length or max_length)
        self.num_truncated = 0

    @classmethod
    def from_runner(
        cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]
    ) -> "TextClassificationPipeline":
        """Make the pipeline of a model in any form, its tokenizer, and the content of `kerasft.json`."""
        labels = Labels(metadata["labels"], metadata["problem"])
        settings = metadata.get("settings", {})
        settings = {name: settings[name] for name in ("out_of_scope", "temperature", "thresholds") if name in settings}
        return cls(
            runner, tokenizer, labels, max_length=metadata["max_length"], pair=bool(metadata.get("pair")), **settings
        )

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
        """Answer one text or many.

        Args:
            texts: One text, a sequence of texts, one pair as a tuple of two texts or a dictionary of `text` and `text_pair`, or
                a list of such pairs.
            text_pair: The second text, or texts, where `texts` holds only the first ones.
            batch_size: Texts in one run.
            top_k: The k most likely labels instead of the answer.
            threshold: Probability from which a label holds, where several can: one for all, or one for each. `None`: the
                model's own thresholds, or 0.5.
            with_probabilities: Whether to add every label's probability.
            pairs: The former name of `text_pair`.

        Returns:
            For one text its answer, for many a list of answers: see `kerasft.answers.answers`. No texts, no answers.

        Raises:
            DataError: If an item is not text.
            KerasftError: If pairs are given to a model of single texts or the other way round, or an argument is wrong.
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
            DataError: If an item is not text.
            KerasftError: If the model reads pairs and these are not, or the other way round.
        """
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise bad_argument("batch_size", "a whole number >= 1", batch_size, "32 is usual.")
        if not len(texts):
            return np.empty((0, len(self.labels)), np.float32)
        if isinstance(texts[0], tuple) != self.pair:
            expected = "pairs of texts, as this model was trained on" if self.pair else "single texts"
            raise bad_argument(
                "texts",
                expected,
                texts[0],
                "Give text_pair= (--pair) or tuples of two for pairs, strings for single texts.",
            )
        encoded = encode(self.tokenizer, texts, max_length=self.max_length)
        warn_truncated(encoded.num_truncated, len(texts), limit=self.max_length, kind="pairs" if self.pair else "texts")
        self.num_truncated += encoded.num_truncated
        return predict_logits(self.runner, self.tokenizer, encoded, batch_size=batch_size)

    def predict_probabilities(
        self, texts: Sequence[str] | Sequence[tuple[str, str]], *, batch_size: int = 32
    ) -> np.ndarray:
        """Return the float64 probabilities, (N, C), of N texts or pairs of texts; a regression's values as they are."""
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
        """Measure the model on labelled texts.

        Probabilities are those at the model's temperature, labels those that reach its thresholds. With an out-of-scope
        threshold, rows of its label count as out of scope: `in_scope_accuracy`, `out_of_scope_recall` and
        `out_of_scope_precision` are those of the answers, and all other numbers are of the in-scope rows without the threshold.

        Args:
            source: What `kerasft.data.text_classification` reads.
            columns: As there.
            batch_size: Texts in one run.
            about: Facts for the report's header.
            unseen_labels: What to do about labels that the model does not have: `"error"`, or `"count"` such rows as errors,
                their labels as further classes. Then there is no `log_loss`, which would be infinite.

        Raises:
            DataError: If the data cannot be used.
        """
        if unseen_labels not in ("error", "count"):
            raise bad_argument("unseen_labels", "'error' or 'count'", unseen_labels, "Choose one of them.")
        source = self.read(source, columns)
        outside = None
        if self.out_of_scope is not None:
            source, outside = separate_label(source, self.out_of_scope["label"], columns=columns)
            if not len(source):
                raise bad_data(source.name, "all rows are out of scope", "Give rows of the model's labels too.")
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
        found = self._confidence(logits), logits.argmax(-1) == gold, self._confidence_of(outside, columns, batch_size)
        scores = out_of_scope_scores(*found, threshold=self.out_of_scope["threshold"])
        facts = (
            f"{len(outside)} rows more, of {self.out_of_scope['label']}; threshold {self.out_of_scope['threshold']:.4f}"
        )
        return dataclasses.replace(
            report, metrics=scores | report.metrics, about={**report.about, "out of scope": facts}
        )

    def training_baseline(
        self, source: object, *, columns: Mapping[str, object] | None = None
    ) -> dict[str, Any] | None:
        """The classes' counts, or the targets' means; see `Pipeline.training_baseline`."""
        return statistics(texts_and_labels(source, labels=self.labels, columns=columns)[1], self.labels)

    def tune_temperature(
        self, source: object, *, columns: Mapping[str, object] | None = None, batch_size: int = 64
    ) -> float:
        """Find the temperature by which the model's probabilities say how often it is right.

        Sensible wherever somebody reads the probabilities or compares them with a threshold. The most likely label, hence the
        accuracy, stays the same. Thresholds are of the probabilities, so they are tuned after the temperature: set
        `pipeline.temperature`, then call `tune_thresholds` or `tune_out_of_scope`.

        Args:
            source: Dev rows that the model was not trained on, a few hundred or more, as `kerasft.data.text_classification`
                reads them. Those of the out-of-scope label are left out.
            columns: As there.
            batch_size: Texts in one run.

        Returns:
            The temperature, to be given as `settings={"temperature": ...}` to `kerasft.save_bundle`; see
            `kerasft.answers.best_temperature`. Where the pipeline has thresholds already a warning says that they
            were tuned without it.

        Raises:
            KerasftError: If the model is a regression.
            DataError: If the data cannot be used.
        """
        if self.labels.problem == REGRESSION:
            raise bad_argument("model", "one of classes", self.labels.problem, "Its values are no probabilities.")
        for name in ("out_of_scope", "thresholds"):
            if getattr(self, name) is not None:
                warnings.warn(
                    f"{name} = {getattr(self, name)} is of probabilities at temperature {self.temperature:g}: tune it anew.",
                    stacklevel=2,
                )
        return best_temperature(*self._held_out(source, columns, batch_size), self.labels)

    def tune_thresholds(
        self, source: object, *, columns: Mapping[str, object] | None = None, batch_size: int = 64
    ) -> list[float]:
        """Find for each label the probability from which it should hold, by its F1.

        Sensible for a model of several labels of which some are rare: at 0.5 those are hardly ever said. A label with fewer
        than some tens of rows gets a threshold of chance.

        Args:
            source: Dev rows that the model was not trained on, as `kerasft.data.text_classification` reads them.
            columns: As there.
            batch_size: Texts in one run.

        Returns:
            C thresholds of the probabilities at the pipeline's temperature, to be given as `settings={"thresholds": ...}` to
            `kerasft.save_bundle`; see `kerasft.answers.best_thresholds`.

        Raises:
            KerasftError: If the model is not one of several labels.
            DataError: If the data cannot be used.
        """
        if self.labels.problem != MULTI_LABEL:
            raise bad_argument("model", "one of several labels", self.labels.problem, "Others need no thresholds.")
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
        """Choose from what probability an answer is given, so that texts of no class are told apart.

        Args:
            source: Dev rows, some of them of `label`, as `kerasft.data.text_classification` reads them.
            label: What texts of no class are labelled with; it is no label of the model.
            columns: As there.
            batch_size: Texts in one run.

        Returns:
            `{"threshold": ..., "label": ...}`, to be given as `settings={"out_of_scope": ...}` to `kerasft.save_bundle`: the
            threshold, at the pipeline's temperature, with the largest sum of in-scope accuracy and out-of-scope recall, see
            `kerasft.answers.out_of_scope_threshold`.

        Raises:
            KerasftError: If the model is not one of single labels, or has this label.
            DataError: If no row, or every row, is of `label`.
        """
        check_out_of_scope({"threshold": 0.0, "label": label}, self.labels)
        if self.labels.problem != SINGLE_LABEL:
            raise bad_argument("model", "one of single labels", self.labels.problem, "Others need no such threshold.")
        inside, outside = separate_label(self.read(source, columns), label, columns=columns)
        if not len(inside) or not len(outside):
            fix = "Give dev rows of both kinds."
            raise bad_data(
                inside.name, f"{len(outside)} of its rows are labelled {label!r}, {len(inside)} are not", fix
            )
        texts, gold = texts_and_labels(inside, labels=self.labels, columns=columns)
        logits = self.predict_logits(texts, batch_size=batch_size)
        found = self._confidence(logits), logits.argmax(-1) == gold, self._confidence_of(outside, columns, batch_size)
        return {"threshold": out_of_scope_threshold(*found), "label": label}

    def _held_out(
        self, source: object, columns: Mapping[str, object] | None, batch_size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The logits and the truth of labelled rows."""
        source = self.read(source, columns)
        if self.out_of_scope is not None:
            source, _ = separate_label(source, self.out_of_scope["label"], columns=columns)
        texts, gold = texts_and_labels(source, labels=self.labels, columns=columns)
        return self.predict_logits(texts, batch_size=batch_size), gold

    def _settings_shown(self) -> dict[str, str]:
        """What a report says of the settings that differ from the usual ones."""
        shown = {} if self.temperature == 1 else {"temperature": f"{self.temperature:.4g}"}
        if self.thresholds is not None:
            shown["thresholds"] = ", ".join(f"{name} {value:.4g}" for name, value in zip(self.labels, self.thresholds))
        return shown

    def _confidence(self, logits: np.ndarray) -> np.ndarray:
        """The probability of the most likely label, (N,)."""
        return probabilities(logits, self.labels, temperature=self.temperature).max(-1)

    def _confidence_of(self, rows: Rows, columns: Mapping[str, object] | None, batch_size: int) -> np.ndarray:
        if not len(rows):
            return np.empty(0)
        texts, _ = texts_and_labels(rows, columns=columns)
        return self._confidence(self.predict_logits(texts, batch_size=batch_size))


def _items(texts: Texts, text_pair: str | Sequence[str] | None) -> tuple[list, bool]:
    """Return a list of texts, or of tuples of two, and whether it was one text only."""
    fields = {"fields": TextClassificationPipeline.fields, "optional": TextClassificationPipeline.optional_fields}
    texts = item_of(texts, **fields)
    one = isinstance(texts, str) or (
        isinstance(texts, tuple) and len(texts) == 2 and all(isinstance(text, str) for text in texts)
    )
    if isinstance(text_pair, str) != isinstance(texts, str) and text_pair is not None:
        raise bad_argument(
            "text_pair", "one string for one text, a sequence for a sequence", text_pair, "Give both alike."
        )
    if one:
        return [texts if text_pair is None else (texts, text_pair)], True
    if not hasattr(texts, "__iter__") or isinstance(texts, bytes):
        raise bad_data("texts", "not a text and not a sequence of texts", "Give strings.", value=texts)
    items = [item_of(item, **fields) for item in texts]
    if text_pair is None:
        return [tuple(item) if isinstance(item, list) else item for item in items], False
    if len(text_pair) != len(items):
        raise bad_argument(
            "text_pair", f"as many as texts ({len(items)})", len(text_pair), "Give one second text for each text."
        )
    return list(zip(items, text_pair)), False
