"""Zero-shot classification, with an NLI model or by the embedding similarity of texts and label descriptions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kerasft.answers import answers
from kerasft.data import texts_and_labels
from kerasft.errors import bad_argument, bad_data
from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Labels
from kerasft.pipelines.pipeline import Pipeline, texts_of
from kerasft.pipelines.sentence_embedding import SentenceEmbeddingPipeline, unit
from kerasft.pipelines.text_classification import TextClassificationPipeline
from kerasft.reports import Report, summarize

HYPOTHESIS = "This text is about {}."
_SCALE = (
    20.0  # scale of cosine similarities before the softmax, as in training (kerasft.losses.MultipleNegativesRanking)
)


class ZeroShotPipeline(Pipeline):
    """Classifies texts with candidate labels, without training on them.

    **NLI** (Yin et al. 2019, arXiv:1909.00161): a text-pair classifier trained on entailment predicts whether the text
    entails the hypothesis of each class. Single-label: softmax of the entailment logits over the classes; multi-label
    (`kerasft.multi_label`): entailment versus contradiction for each class. **Embeddings**: a sentence embedding model compares
    the text with the description of each class; the scores are the softmax of 20 times the cosine similarities.

    Args:
        model: A text-classification pipeline for pairs with a label for entailment, or a sentence-embedding pipeline.
        labels: Names of the classes, or a dictionary from name to description or to a list of descriptions, whose scores
            are averaged; or `kerasft.multi_label(names)`.
        hypothesis: Template with `{}` for the description. For embeddings, `"{}"` uses the description only.
        entailment: The label for entailment; None: the label whose name starts with "entail".

    Raises:
        KerasftError: If the model is not suitable, or an argument is invalid.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> from kerasft import make_bundle
    >>> from kerasft.heads import sentence_embedding
    >>> from kerasft.pipelines import load
    >>> embedder = load(make_bundle(sentence_embedding(backbone), tokenizer, max_length=16))
    >>> classify = ZeroShotPipeline(embedder, {"money": "to pay by card", "film": "a good movie"}, hypothesis="{}")
    >>> classify("a good movie")["label"]
    'film'
    """

    def __init__(
        self,
        model: TextClassificationPipeline | SentenceEmbeddingPipeline,
        labels: Iterable[str] | Mapping[str, str | Sequence[str]] | Labels,
        *,
        hypothesis: str = HYPOTHESIS,
        entailment: str | None = None,
    ):
        self.model = model
        self.labels = Labels.of(labels)
        if self.labels.problem == REGRESSION:
            raise bad_argument("labels", "classes", self.labels, "Regression requires training.")
        if not isinstance(hypothesis, str) or hypothesis.count("{}") != 1:
            raise bad_argument(
                "hypothesis", "a sentence with one {} in it", hypothesis, f"For example: {HYPOTHESIS!r}."
            )
        described = labels if isinstance(labels, Mapping) else {name: name for name in self.labels}
        # One or more sentences per class; `owner` is the class index.
        sentences = [_listed(name, described[name]) for name in self.labels]
        self.sentences = [hypothesis.replace("{}", text) for texts in sentences for text in texts]
        self._owner = np.repeat(np.arange(len(sentences)), [len(texts) for texts in sentences])
        if isinstance(model, SentenceEmbeddingPipeline):
            self._vectors = unit(self._mean(unit(model.embed(self.sentences)).T).T)  # (C, H)
            return
        if not isinstance(model, TextClassificationPipeline) or not model.pair or model.labels.problem != SINGLE_LABEL:
            expected = "a sentence-embedding pipeline, or a text-classification pipeline over pairs"
            raise bad_argument("model", expected, type(model).__name__, "Train one on RTE or MNLI.")
        self._entailment = _entailment(model.labels, entailment)

    def _mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over the descriptions of each class, (N, sentences) -> (N, C)."""
        return np.stack([values[:, self._owner == row].mean(axis=1) for row in range(len(self.labels))], axis=1)

    def __call__(
        self,
        texts: str | Sequence[str],
        *,
        batch_size: int = 32,
        top_k: int | None = None,
        threshold: float = 0.5,
        with_probabilities: bool = False,
    ) -> Any:
        """Predict for one or more texts, like `TextClassificationPipeline`.

        Args:
            texts: A text or a list of texts.
            batch_size: Texts, or pairs, per batch.
            top_k: Return the k most likely labels instead.
            threshold: Multi-label: minimum probability of a label.
            with_probabilities: Whether to add the probabilities of all labels.

        Raises:
            DataError: If an item is not a string.
        """
        items, one = texts_of(texts, self.fields)
        logits = self.predict_logits(items, batch_size=batch_size)
        result = answers(logits, self.labels, top_k=top_k, threshold=threshold, with_probabilities=with_probabilities)
        return result[0] if one else result

    def predict_logits(self, texts: Sequence[str], *, batch_size: int = 32) -> np.ndarray:
        """Return one logit per text and class, (N, C), whose softmax (or sigmoid) is the score.

        Raises:
            DataError: If an item is not a string.
        """
        for number, text in enumerate(texts, 1):
            if not isinstance(text, str):
                raise bad_data("texts", "expected a string", "Use single texts.", line=number, value=text)
        if not len(texts):
            return np.empty((0, len(self.labels)))
        if isinstance(self.model, SentenceEmbeddingPipeline):
            return _SCALE * unit(self.model.embed(texts, batch_size=batch_size)) @ self._vectors.T
        pairs = [(text, sentence) for text in texts for sentence in self.sentences]
        logits = self.model.predict_logits(pairs, batch_size=batch_size).astype("float64")
        entailed = logits[:, self._entailment]
        if self.labels.problem == MULTI_LABEL:  # sigmoid of the difference is the softmax of the two
            entailed = entailed - np.logaddexp.reduce(logits[:, self._against()], axis=1)
        return self._mean(entailed.reshape(len(texts), -1))

    def _against(self) -> list[int]:
        """Return the outputs to compare entailment with: contradiction if it exists, otherwise all other labels."""
        names = [name.lower() for name in self.model.labels]
        contradiction = [row for row, name in enumerate(names) if name.startswith("contradict")]
        return contradiction or [row for row in range(len(names)) if row != self._entailment]

    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
    ) -> Report:
        """Evaluate on labeled texts, like `TextClassificationPipeline`; their labels must be in `self.labels`.

        Raises:
            DataError: If the data is invalid.
        """
        texts, gold = texts_and_labels(source, labels=self.labels, columns=columns)
        logits = self.predict_logits(texts, batch_size=batch_size)  # (N, C)
        return summarize(logits, gold, self.labels, texts=texts, about=about)


def _listed(name: str, described: str | Sequence[str]) -> list[str]:
    texts = [described] if isinstance(described, str) else list(described)
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise bad_argument("labels", f"one or more descriptions of {name!r}", described, "Describe the label.")
    return texts


def _entailment(labels: Labels, name: str | None) -> int:
    entailing = [label for label in labels if (label == name if name else label.lower().startswith("entail"))]
    if len(entailing) != 1:
        expected = f"one of the model's labels, {list(labels)}"
        raise bad_argument("entailment", expected, name, "Use the label that means entailment.")
    return labels.index(entailing[0])
