"""Texts in, vectors out: over a trained embedder in any form."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats
from transformers import PreTrainedTokenizerFast

from kerasft.data.sentence_pairs import groups, read_pairs
from kerasft.encoding.encoded import encode
from kerasft.errors import bad_argument, bad_data
from kerasft.features import EMBEDDING
from kerasft.inference.runners import Runner, predict
from kerasft.pipelines.pipeline import Pipeline, texts_of
from kerasft.reports import EVALUATED, TRAINING, Report, undefined_correlation
from kerasft.tasks.sentence_embedding import SENTENCE_EMBEDDING
from kerasft.truncation import warn_truncated

_RANKS = 10
"""Answers that MRR@10 and recall@10 look at."""
_SAME = 1e-6
"""Cosines that differ by less are equal: float32 rounds the vectors of one text otherwise in another batch."""


class SentenceEmbeddingPipeline(Pipeline):
    """Turns texts into vectors whose cosine says how alike the texts are.

    Args:
        runner: The model: token ids in, `embedding` (B, H) out.
        tokenizer: The tokenizer that the model was trained with.
        max_length: Longest text in tokens; longer ones are truncated, counted in `num_truncated`, and warned of.
        max_score: What the scores of rated pairs are divided by where `evaluate` reads them.
        prompts: Name -> what is put before a text of that kind, such as `{"query": "query: "}`.
        default_prompt_name: The prompt of a text for which none is named; None: no prompt.

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
        self.runner = runner
        self.tokenizer = tokenizer
        self.max_length = min(max_length, runner.sequence_length or max_length)
        self.max_score = max_score
        self.prompts = dict(prompts or {})
        self.default_prompt_name = default_prompt_name
        self.num_truncated = 0

    @classmethod
    def from_runner(
        cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]
    ) -> "SentenceEmbeddingPipeline":
        """Make the pipeline of a model in any form, its tokenizer, and the content of `kerasft.json`."""
        settings = metadata.get("settings", {})
        known = {name: settings[name] for name in ("max_score", "prompts", "default_prompt_name") if name in settings}
        return cls(runner, tokenizer, max_length=metadata["max_length"], **known)

    def __call__(self, texts: str | Sequence[str], *, batch_size: int = 32, prompt_name: str | None = None) -> Any:
        """Answer one text by `{"embedding": [H numbers]}`, a list of texts by a list of these.

        Args:
            texts: One text or many.
            batch_size: Texts in one run.
            prompt_name: As for `embed`.

        Raises:
            DataError: If an item is not text.
            KerasftError: If there is no such prompt.
        """
        items, one = texts_of(texts, self.fields)
        vectors = self.embed(items, batch_size=batch_size, prompt_name=prompt_name)
        answers = [{EMBEDDING: vector.tolist()} for vector in vectors]
        return answers[0] if one else answers

    def embed(self, texts: Sequence[str], *, batch_size: int = 32, prompt_name: str | None = None) -> np.ndarray:
        """Return the vectors of N texts, float32 (N, H), (0, 0) for none.

        Args:
            texts: The texts. An empty one is answered too: as what the model makes of no words.
            batch_size: Texts in one run.
            prompt_name: Which of the checkpoint's prompts is put before each text; None: its default one, if it has one.

        Raises:
            DataError: If an item is not text.
            KerasftError: If there is no such prompt.
        """
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise bad_argument("batch_size", "a whole number >= 1", batch_size, "32 is usual.")
        if isinstance(texts, str | bytes | Mapping) or not hasattr(texts, "__len__"):
            raise bad_argument("texts", "a list of texts", texts, "Give [text] for one.")
        texts, _ = texts_of(texts, self.fields)
        if not texts:
            return np.empty((0, 0), np.float32)
        if isinstance(texts[0], tuple):
            raise bad_data("texts", "pairs are embedded one text at a time", "Give single texts.", value=texts[0])
        encoded = encode(self.tokenizer, self._prompted(texts, prompt_name), max_length=self.max_length)
        warn_truncated(encoded.num_truncated, len(texts), limit=self.max_length)
        self.num_truncated += encoded.num_truncated
        return np.stack(predict(self.runner, encoded, self.tokenizer.pad_token_id, batch_size=batch_size)[EMBEDDING])

    def _prompted(self, texts: list[str], name: str | None) -> list[str]:
        name = self.default_prompt_name if name is None else name
        if name is not None and name not in self.prompts:
            raise bad_argument("prompt_name", f"one of {sorted(self.prompts)}", name, "Leave it out for no prompt.")
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
        """Measure on pairs: with scores the correlation of cosine and score, else how well a text finds its partner.

        `pearson` and `spearman` are SciPy's, of the cosines and the scores (Reimers and Gurevych 2019, arXiv:1908.10084,
        section 4.1, use Spearman's). For pairs without scores each first text ranks all second texts that differ by their
        cosine: `accuracy_at_1`, `recall_at_10` and `mrr_at_10`, the mean of 1 / rank of the first right one, 0 beyond rank
        10 (Craswell, "Mean reciprocal rank", Encyclopedia of Database Systems, 2009).

        Args:
            source: What `kerasft.data.sentence_pairs` reads.
            columns: As there.
            batch_size: Texts in one run.
            about: Facts for the report's header.

        Raises:
            DataError: If the data cannot be used.
        """
        source = self.read(source, columns)
        pairs, scores = read_pairs(source, columns=columns, max_score=self.max_score)
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        number = {text: row for row, text in enumerate(texts)}
        vectors = unit(self.embed(texts, batch_size=batch_size).astype("float64"))  # (texts, H)
        if scores is not None:
            first, second = (vectors[[number[pair[side]] for pair in pairs]] for side in (0, 1))
            cosines = (first * second).sum(axis=1)
            metrics, errors = _rated(cosines, scores, pairs)
            known = (self.baseline or {}).get("mean_score")
            mean = float(np.mean(scores)) if known is None else float(known)
            baseline, _ = _rated(np.full(len(scores), mean), scores, pairs)
            baseline_answer = f"always {mean:.4g}, the mean score of the {EVALUATED if known is None else TRAINING}"
            reason = undefined_correlation(cosines, scores)
            undefined = {} if reason is None else dict.fromkeys(("spearman", "pearson"), reason)
        else:
            metrics, errors = _retrieval(vectors, number, pairs)
            baseline, _ = _retrieval(unit(np.random.default_rng(0).normal(size=vectors.shape)), number, pairs)
            del baseline["num_answers"]  # no score
            baseline_answer = "a random order of the answers (random vectors, seed 0)"
            undefined = {}
        return Report(
            title="Sentence embedding",
            about=dict(about or {}),
            problem=self.task.name,
            labels=[],
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
        """The mean score of rated pairs, None for pairs without scores; see `Pipeline.training_baseline`."""
        _, scores = read_pairs(source, columns=columns, max_score=self.max_score)
        return None if scores is None else {"mean_score": float(np.mean(scores))}


def unit(vectors: np.ndarray) -> np.ndarray:
    """Divide vectors (N, H) by their lengths; a zero vector stays zero.

    Example:

    >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _rated(cosines: np.ndarray, scores: np.ndarray, pairs: Sequence[tuple[str, str]]) -> tuple[dict, list[dict]]:
    constant = np.ptp(cosines) == 0 or np.ptp(scores) == 0  # SciPy has no correlation then
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
    """Rank all second texts for each first text; a text is never its own answer."""
    answers = list(dict.fromkeys(second for _, second in pairs))
    group = dict(zip((number[second] for _, second in pairs), groups(pairs)))
    group_of_answer = np.array([group[number[answer]] for answer in answers])
    table = vectors[[number[answer] for answer in answers]]  # (answers, H)
    ranks, errors = [], []
    for row, ((query, answer), own) in enumerate(zip(pairs, groups(pairs))):
        cosines = table @ vectors[number[query]]  # (answers,)
        right = group_of_answer == own
        best = cosines[right].max()
        # An answer that is as near counts as nearer: a model with one vector for all texts would find everything.
        rank = 1 + int((cosines[~right] > best - _SAME).sum())
        ranks.append(rank)
        if rank > 1:
            found = int(np.where(right, -2.0, cosines).argmax())
            errors.append(
                {"row": row, "text": query, "truth": answer, "predicted": answers[found], "confidence": cosines[found]}
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
