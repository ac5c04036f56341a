"""Sentence embeddings with a trained model in any format."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats
from transformers import PreTrainedTokenizerFast

from kerasft.data.sentence_pairs import groups, read_pairs
from kerasft.encoding.encoded import encode
from kerasft.errors import bad_argument, bad_data, whole_number
from kerasft.features import EMBEDDING
from kerasft.inference.runners import Runner, predict
from kerasft.pipelines.pipeline import Pipeline, texts_of
from kerasft.reports import EVALUATED, TRAINING, Report, undefined_correlation
from kerasft.tasks.sentence_embedding import SENTENCE_EMBEDDING
from kerasft.truncation import warn_truncated

_RANKS = 10
"""Number of retrieved answers in MRR@10 and recall@10."""
_SAME = 1e-6
"""Cosine similarities with a smaller difference are ties: float32 rounding depends on the batch."""


class SentenceEmbeddingPipeline(Pipeline):
    """Maps texts to embeddings, which are compared by cosine similarity.

    Args:
        runner: The model, from token ids to `embedding` (B, H).
        tokenizer: The tokenizer that the model was trained with.
        max_length: Maximum text length in tokens; longer texts are truncated, counted in `num_truncated`, with a warning.
        max_score: Divisor of the similarity scores in `evaluate`.
        prompts: Prompts (prefixes of texts) by name, such as `{"query": "query: "}`.
        default_prompt_name: The default prompt; None: no prompt.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> from kerasft.inference.runners import keras_runner
    >>> from kerasft.heads import sentence_embedding
    >>> embedder = SentenceEmbeddingPipeline(keras_runner(sentence_embedding(backbone)), tokenizer, max_length=16)
    >>> embedder.embed(["a good film", "bad"]).shape, len(embedder("a good film")["embedding"])
    ((2, 16), 16)
    """

    task = SENTENCE_EMBEDDING
    own_settings = ("max_score", "prompts", "default_prompt_name")

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        *,
        max_length: int,
        max_score: float = 1.0,
        prompts: Mapping[str, str] | None = None,
        default_prompt_name: str | None = None,
    ):
        super().__init__(runner, tokenizer, max_length=max_length)
        self.max_score = max_score
        self.prompts = dict(prompts or {})
        self.default_prompt_name = default_prompt_name

    def __call__(self, texts: str | Sequence[str], *, batch_size: int = 32, prompt_name: str | None = None) -> Any:
        """Return `{"embedding": [H numbers]}` for one text, or a list of these for several.

        Args:
            texts: One or more texts.
            batch_size: Texts per batch.
            prompt_name: See `embed`.

        Raises:
            DataError: If an item is not a string.
            KerasftError: If the prompt is unknown.
        """
        items, one = texts_of(texts, self.fields)
        vectors = self.embed(items, batch_size=batch_size, prompt_name=prompt_name)
        answers = [{EMBEDDING: vector.tolist()} for vector in vectors]
        return answers[0] if one else answers

    def embed(self, texts: Sequence[str], *, batch_size: int = 32, prompt_name: str | None = None) -> np.ndarray:
        """Return the embeddings of N texts, float32 (N, H), (0, 0) for none.

        Args:
            texts: The texts. Empty texts are allowed.
            batch_size: Texts per batch.
            prompt_name: Name of the checkpoint's prompt to prepend to each text; None: the default prompt, if any.

        Raises:
            DataError: If an item is not a string.
            KerasftError: If the prompt is unknown.
        """
        whole_number("batch_size", batch_size, "32 is usual.")
        if isinstance(texts, str | bytes | Mapping) or not hasattr(texts, "__len__"):
            raise bad_argument("texts", "a list of texts", texts, "Use [text] for a single text.")
        texts, _ = texts_of(texts, self.fields)
        if not texts:
            return np.empty((0, 0), np.float32)
        if isinstance(texts[0], tuple):
            raise bad_data("texts", "expected single texts, got a pair", "Embed each text separately.", value=texts[0])
        encoded = encode(self.tokenizer, self._prompted(texts, prompt_name), max_length=self.max_length)
        warn_truncated(encoded.num_truncated, len(texts), limit=self.max_length)
        self.num_truncated += encoded.num_truncated
        return np.stack(predict(self.runner, encoded, self.tokenizer.pad_token_id, batch_size=batch_size)[EMBEDDING])

    def _prompted(self, texts: list[str], name: str | None) -> list[str]:
        name = self.default_prompt_name if name is None else name
        if name is not None and name not in self.prompts:
            raise bad_argument("prompt_name", f"one of {sorted(self.prompts)}", name, "Omit it to use no prompt.")
        prompt = self.prompts[name] if name else ""
        return [prompt + text if isinstance(text, str) else text for text in texts] if prompt else texts

    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
    ) -> Report:
        """Evaluate on pairs: with scores, their correlation with the cosine similarity; otherwise, retrieval of the partner.

        `pearson` and `spearman` are SciPy's, of the cosines and the scores (Reimers and Gurevych 2019, arXiv:1908.10084,
        section 4.1, use Spearman's). For pairs without scores, each first text ranks all distinct second texts by cosine
        similarity: `accuracy_at_1`, `recall_at_10` and `mrr_at_10`, the mean of 1 / rank of the first correct one, 0 beyond
        rank 10 (Craswell, "Mean reciprocal rank", Encyclopedia of Database Systems, 2009).

        Args:
            source: Any source of `kerasft.data.sentence_pairs`.
            columns: See `kerasft.data.sentence_pairs`.
            batch_size: Texts per batch.
            about: Facts for the report's header.

        Raises:
            DataError: If the data is invalid.
        """
        source = self.read(source, columns)
        pairs, scores = read_pairs(source, columns=columns, max_score=self.max_score)
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        number = {text: row for row, text in enumerate(texts)}
        vectors = unit(self.embed(texts, batch_size=batch_size).astype("float64"))  # (texts, H)
        if scores is not None:
            first, second = (vectors[[number[pair[side]] for pair in pairs]] for side in (0, 1))
            cosines = (first * second).sum(axis=1)
            metrics, errors = _correlation(cosines, scores, pairs)
            known = (self.baseline or {}).get("mean_score")
            mean = float(np.mean(scores)) if known is None else float(known)
            baseline, _ = _correlation(np.full(len(scores), mean), scores, pairs)
            baseline_answer = f"always {mean:.4g}, the mean score of the {EVALUATED if known is None else TRAINING}"
            reason = undefined_correlation(cosines, scores)
            undefined = {} if reason is None else dict.fromkeys(("spearman", "pearson"), reason)
        else:
            metrics, errors = _retrieval(vectors, number, pairs)
            baseline, _ = _retrieval(unit(np.random.default_rng(0).normal(size=vectors.shape)), number, pairs)
            del baseline["num_answers"]  # not a metric
            baseline_answer = "random ranking of the answers (random vectors, seed 0)"
            undefined = {}
        return self._report(
            about,
            title="Sentence embedding",
            rows=len(pairs),
            metrics=metrics,
            errors=errors,
            baseline=baseline,
            baseline_answer=baseline_answer,
            undefined=undefined,
        )

    def training_baseline(
        self, source: object, *, columns: Mapping[str, object] | None = None
    ) -> dict[str, Any] | None:
        """Return the mean score of pairs; None for pairs without scores; see `Pipeline.training_baseline`."""
        _, scores = read_pairs(source, columns=columns, max_score=self.max_score)
        return None if scores is None else {"mean_score": float(np.mean(scores))}


def unit(vectors: np.ndarray) -> np.ndarray:
    """Normalize vectors (N, H) to unit length; zero vectors stay zero.

    Example:

    >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _correlation(cosines: np.ndarray, scores: np.ndarray, pairs: Sequence[tuple[str, str]]) -> tuple[dict, list[dict]]:
    constant = np.ptp(cosines) == 0 or np.ptp(scores) == 0  # then the correlation is undefined
    pearson = 0.0 if constant else float(stats.pearsonr(cosines, scores).statistic)
    spearman = 0.0 if constant else float(stats.spearmanr(cosines, scores).statistic)
    metrics = {"spearman": spearman, "pearson": pearson, "mse": float(np.mean((cosines - scores) ** 2))}
    worst = np.argsort(-np.abs(stats.rankdata(cosines) - stats.rankdata(scores)), kind="stable")[:25]
    errors = [
        {
            "row": int(row),
            "text": " | ".join(pairs[row]),
            "truth": f"{scores[row]:.3f}",
            "predicted": f"{cosines[row]:.3f}",
            "confidence": None,
        }
        for row in worst
    ]
    return metrics, errors


def _retrieval(
    vectors: np.ndarray, number: dict[str, int], pairs: Sequence[tuple[str, str]]
) -> tuple[dict, list[dict]]:
    """Rank all second texts for each first text; a text never matches itself."""
    answers = list(dict.fromkeys(second for _, second in pairs))
    group = dict(zip((number[second] for _, second in pairs), groups(pairs)))
    group_of_answer = np.array([group[number[answer]] for answer in answers])
    table = vectors[[number[answer] for answer in answers]]  # (answers, H)
    ranks = []
    errors = []
    for row, ((query, answer), own) in enumerate(zip(pairs, groups(pairs))):
        cosines = table @ vectors[number[query]]  # (answers,)
        correct = group_of_answer == own
        best = cosines[correct].max()
        # Ties rank before the correct answer: otherwise, a constant embedding would be perfect.
        rank = 1 + int((cosines[~correct] > best - _SAME).sum())
        ranks.append(rank)
        if rank > 1:
            nearest = int(np.where(correct, -2.0, cosines).argmax())
            errors.append(
                {
                    "row": row,
                    "text": query,
                    "truth": answer,
                    "predicted": answers[nearest],
                    "confidence": cosines[nearest],
                }
            )
    ranks = np.array(ranks)
    metrics = {
        "accuracy_at_1": float((ranks == 1).mean()),
        f"mrr_at_{_RANKS}": float(np.where(ranks <= _RANKS, 1 / ranks, 0).mean()),
        f"recall_at_{_RANKS}": float((ranks <= _RANKS).mean()),
        "num_answers": len(answers),
    }
    errors = sorted(errors, key=lambda error: -error["confidence"])[:25]
    return metrics, [{**error, "confidence": float(error["confidence"])} for error in errors]
