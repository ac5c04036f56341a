"""Text-to-text generation (translation, summarization, ...) with an encoder-decoder model such as T5."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft.bundles import Bundle
from kerasft.data.batches.batching import Batching
from kerasft.data.sequence_to_sequence import sequence_to_sequence, sources_and_references
from kerasft.encoding.encoded import encode
from kerasft.encoding.token_store import logger
from kerasft.errors import CheckpointError, bad_argument
from kerasft.generation import Generated, GenerationOptions, Generator
from kerasft.inference.runners import Runner
from kerasft.metrics import summarization_scores, translation_scores
from kerasft.metrics.text_scores import TextScores
from kerasft.pipelines.generation_options import OPTION_NAMES, answers_of, merged_options, unfinished, warn_of_limit
from kerasft.pipelines.pipeline import Pipeline, texts_of
from kerasft.pipelines.sentences import split_sentences
from kerasft.reports import Report
from kerasft.tasks.sequence_to_sequence import SEQUENCE_TO_SEQUENCE
from kerasft.truncation import warn_truncated

METRICS = ("translation", "summarization", "all")
"""BLEU and chrF; ROUGE-1, -2, -L and -Lsum; all."""
_LOSS_TOKENS = 2048  # tokens per batch of logits: 260 MB for T5's vocabulary of 32,128
_MOST_SAMPLES = 25


class SequenceToSequencePipeline(Pipeline):
    """Generates a target text for each source text.

    Args:
        model: A model from `kerasft.heads.sequence_to_sequence`. It may be trained between calls.
        tokenizer: The tokenizer that the model was trained with.
        max_length: Maximum source length in tokens, including the end token; longer sources are truncated, counted in
            `num_truncated`, with a warning.
        settings: The bundle's settings: `prefix` (prepended to every source), `generation` (default options of a call),
            `max_target_length` (for the loss), `metrics` (one of `METRICS`, for `evaluate`).

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> from kerasft.backbones import T5Config, t5
    >>> sizes = {"num_layers": 1, "num_decoder_layers": 1, "num_heads": 2, "head_dim": 4, "hidden_dim": 8}
    >>> backbone = t5(T5Config(vocabulary_size=len(tokenizer), intermediate_dim=16, **sizes))
    >>> import kerasft
    >>> generate = SequenceToSequencePipeline(kerasft.heads.sequence_to_sequence(backbone), tokenizer, max_length=32)
    >>> sorted(generate("a good film", max_new_tokens=4))
    ['finished', 'generated']
    """

    task = SEQUENCE_TO_SEQUENCE
    fields = ("source",)
    more_options = OPTION_NAMES

    def __init__(
        self,
        model: keras.Model,
        tokenizer: PreTrainedTokenizerFast,
        *,
        max_length: int,
        settings: Mapping[str, Any] | None = None,
    ):
        self.model = model
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.settings = dict(settings or {})
        self.num_truncated = 0
        self._generator = Generator(model, tokenizer)
        self._token_losses = tf.function(self._traced_losses, reduce_retracing=True)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "SequenceToSequencePipeline":
        """Make a pipeline from a Keras model, its tokenizer, and the content of `kerasft.json`."""
        return cls(bundle.model, bundle.tokenizer, max_length=bundle.max_length, settings=bundle.settings)

    @classmethod
    def from_runner(
        cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]
    ) -> "SequenceToSequencePipeline":
        """Raise an error: an export contains one decoder step, not the generation loop.

        Raises:
            CheckpointError: Always.
        """
        raise CheckpointError(
            "An exported sequence-to-sequence model returns next-token logits and does not generate text. Load the bundle that "
            "it was exported from, or call the export with encoder_* and decoder_* inputs, one token at a time."
        )

    def __call__(self, sources: str | Sequence[str], *, batch_size: int = 32, **options: Any) -> Any:
        """Generate texts for one or more sources.

        Args:
            sources: One or N texts, without the prefix, which is prepended.
            batch_size: Sources per batch.
            **options: Fields of `kerasft.generation.GenerationOptions`, which override the bundle's settings:
                `max_new_tokens` (128 if the bundle does not set it), `num_beams`, `length_penalty`, `method`, ...

        Returns:
            For one source a dictionary, for several a list: `generated`, the text; `finished`, whether the text ended before
            the limit; with beam search also `score`. A warning gives the number of texts that reached the limit.

        Raises:
            DataError: If a source is not a string.
            KerasftError: If an option is unknown or out of range.
        """
        items, one = texts_of(sources, self.fields)
        options = merged_options(self.settings.get("generation", {}), options)
        texts = self._generate(items, options, batch_size)
        warn_of_limit(texts, options)
        answers = answers_of(texts)
        return answers[0] if one else answers

    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
        metrics: str | None = None,
        **options: Any,
    ) -> Report:
        """Generate texts for all sources, and compare them with the references.

        Args:
            source: Any source of `kerasft.data.sequence_to_sequence`.
            columns: See `kerasft.data.sequence_to_sequence`.
            batch_size: Sources per batch.
            about: Facts for the report's header.
            metrics: One of `METRICS`; None: from the bundle's settings, or `"translation"`.
            **options: Generation options; see `__call__`.

        Returns:
            The report. Its metrics: BLEU and chrF from 0 to 100, ROUGE from 0 to 1; `loss` in nats per token of the first
            reference, and `perplexity`; the fractions `share_at_limit` (generated texts that reached `max_new_tokens`),
            `references_beyond_limit` (references with more tokens, which cannot be matched) and `sources_cut` (truncated
            sources). `about` has the signatures of the metrics.

        Raises:
            DataError: If the data is invalid.
            KerasftError: If an argument is out of range.
        """
        options = merged_options(self.settings.get("generation", {}), options)
        sources, references = sources_and_references(self.read(source, columns), columns=columns)
        truncated_before = self.num_truncated
        generated = self._generate(sources, options, batch_size)
        warn_of_limit(generated, options)
        scores = score_texts([text.text for text in generated], references, self._metrics(metrics))
        copied, baseline_answer = without_model(sources, self._metrics(metrics))
        limits = {
            "share_at_limit": unfinished(generated) / len(generated),
            "references_beyond_limit": self._beyond_limit(references, options),
            "sources_cut": (self.num_truncated - truncated_before) / len(sources),
        }
        return self._report(
            {**(about or {}), "generation": _described(options), **_distinct(scores.signatures)},
            title="Sequence to sequence",
            rows=len(sources),
            metrics=scores.metrics | self._loss(sources, references) | limits,
            errors=_samples(sources, references, generated),
            baseline=score_texts(copied, references, self._metrics(metrics)).metrics,
            baseline_answer=baseline_answer,
        )

    def scores(
        self, source: object, *, columns: Mapping[str, object] | None = None, batch_size: int = 64
    ) -> dict[str, float]:
        """Return only the metrics of generated texts and `share_at_limit`, without warnings: for evaluation after each epoch.

        Args:
            source: See `evaluate`.
            columns: See `evaluate`.
            batch_size: Sources per batch.

        Raises:
            DataError: If the data is invalid.
        """
        sources, references = sources_and_references(self.read(source, columns), columns=columns)
        generated = self._generate(sources, merged_options(self.settings.get("generation", {}), {}), batch_size)
        scores = score_texts([text.text for text in generated], references, self._metrics(None)).metrics
        return scores | {"share_at_limit": unfinished(generated) / len(generated)}

    def _metrics(self, metrics: str | None) -> str:
        kind = metrics or self.settings.get("metrics", "translation")
        if kind not in METRICS:
            raise bad_argument("metrics", f"one of {METRICS}", kind, "Choose one of them.")
        return kind

    def _generate(self, sources: list[str], options: GenerationOptions, batch_size: int) -> list[Generated]:
        if not sources:
            return []
        prefix = self.settings.get("prefix", "")
        texts = [prefix + text if isinstance(text, str) else text for text in sources]
        encoded = encode(self.tokenizer, texts, max_length=self.max_length)
        about = {"kind": "sources", "argument": "max_source_length"}
        warn_truncated(encoded.num_truncated, len(sources), limit=self.max_length, **about)
        self.num_truncated += encoded.num_truncated
        return self._generator(encoded.token_ids, options, batch_size=batch_size)

    def _beyond_limit(self, references: list[list[str]], options: GenerationOptions) -> float:
        texts = [text for row in references for text in row]
        encodings = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        beyond = sum(len(ids) > options.max_new_tokens for ids in encodings)
        if beyond:
            logger.warning(
                "%d of %d references are longer than max_new_tokens=%d, so no generated text can match them. Increase "
                "max_new_tokens for a fair evaluation.",
                beyond,
                len(texts),
                options.max_new_tokens,
            )
        return beyond / len(texts)

    def _loss(self, sources: list[str], references: list[list[str]]) -> dict[str, float]:
        data = sequence_to_sequence(
            [(text, texts[0]) for text, texts in zip(sources, references)],
            self.tokenizer,
            prefix=self.settings.get("prefix", ""),
            max_source_length=self.max_length,
            max_target_length=self.settings.get("max_target_length"),
            batch_size=Batching(tokens=_LOSS_TOKENS),
        )
        sums = np.sum([[np.asarray(value) for value in self._token_losses(*batch)] for batch in data], axis=0)
        loss = float(sums[0] / sums[1])
        return {"loss": loss, "perplexity": float(np.exp(min(loss, 700.0)))}

    def _traced_losses(self, features: dict, y: tf.Tensor, weight: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the sum of the token losses of a batch, and the number of tokens."""
        logits = self.model(features, training=False)  # (B, T, V)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)  # (B, T)
        return tf.reduce_sum(losses * weight), tf.reduce_sum(weight)


def score_texts(generated: Sequence[str], references: Sequence[Sequence[str]], metrics: str) -> TextScores:
    """Compute the metrics of generated texts.

    Args:
        generated: N texts.
        references: One or more references for each text.
        metrics: One of `METRICS`.

    Example:

    >>> list(score_texts(["a b"], [["a b"]], "all").metrics)
    ['bleu', 'chrf', 'rouge1', 'rouge2', 'rougeL', 'rougeLsum']
    """
    parts = {"translation": [translation_scores], "summarization": [summarization_scores]}
    chosen = parts.get(metrics, [translation_scores, summarization_scores])
    scores = [score(generated, references) for score in chosen]
    return TextScores(
        {name: value for part in scores for name, value in part.metrics.items()},
        {name: value for part in scores for name, value in part.signatures.items()},
    )


def without_model(sources: Sequence[str], metrics: str) -> tuple[list[str], str]:
    """Return baseline texts, and their description: the first three sentences for summarization, otherwise the source.

    Args:
        sources: N texts.
        metrics: One of `METRICS`.

    Example:

    >>> without_model(["One. Two. Three. Four."], "summarization")
    (['One. Two. Three.'], "the source's first three sentences")
    """
    if metrics != "summarization":
        return list(sources), "the source itself"
    ends = [split_sentences(text)[:3][-1:] for text in sources]
    return [
        text[: end[0][1]] if end else text for text, end in zip(sources, ends)
    ], "the source's first three sentences"


def _described(options: GenerationOptions) -> str:
    beams = f" of {options.num_beams}, length penalty {options.length_penalty:g}" if options.method == "beam" else ""
    return f"{options.method}{beams}, at most {options.max_new_tokens} new tokens"


def _distinct(signatures: Mapping[str, str]) -> dict[str, str]:
    """Return the signatures, with a single one for all ROUGE metrics."""
    return {("rouge" if name.startswith("rouge") else name): value for name, value in signatures.items()}


def _samples(sources: list[str], references: list[list[str]], generated: list[Generated]) -> list[dict]:
    """Return evenly spaced rows among those that differ from all references, for inspection."""
    differ = [row for row, text in enumerate(generated) if text.text not in references[row]]
    indices = np.unique(np.linspace(0, len(differ) - 1, _MOST_SAMPLES).astype(int)) if differ else []
    rows = [differ[index] for index in indices]
    return [
        {
            "row": row,
            "text": sources[row],
            "truth": " | ".join(references[row]),
            "predicted": generated[row].text + ("" if generated[row].finished else " [limit]"),
            "confidence": None,
        }
        for row in rows
    ]
