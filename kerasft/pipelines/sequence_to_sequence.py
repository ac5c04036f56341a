"""A text in, a text out: translations, summaries, and whatever else a T5 was trained to write."""

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
_LOSS_TOKENS = 2048  # a batch's logits are this many rows of the vocabulary: 260 MB for T5's 32,128 tokens
_MOST_SAMPLES = 25


class SequenceToSequencePipeline(Pipeline):
    """Answers texts with texts that an encoder and decoder writes.

    Args:
        model: Made by `kerasft.heads.sequence_to_sequence`. It may be trained between two calls.
        tokenizer: Its tokenizer.
        max_length: Longest source in tokens, end token included; longer ones are truncated, counted in `num_truncated`,
            and warned of.
        settings: Of the bundle: `prefix` (put before every source), `generation` (the default options of a call),
            `max_target_length` (for the loss), `metrics` (one of `METRICS`, for `evaluate`).

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> from kerasft.backbones import T5Config, t5
    >>> sizes = {"num_layers": 1, "num_decoder_layers": 1, "num_heads": 2, "head_dim": 4, "hidden_dim": 8}
    >>> backbone = t5(T5Config(vocabulary_size=len(tokenizer), intermediate_dim=16, **sizes))
    >>> import kerasft
    >>> write = SequenceToSequencePipeline(kerasft.heads.sequence_to_sequence(backbone), tokenizer, max_length=32)
    >>> sorted(write("a good film", max_new_tokens=4))
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
        """Make the pipeline of a Keras model, its tokenizer, and the content of `kerasft.json`."""
        return cls(bundle.model, bundle.tokenizer, max_length=bundle.max_length, settings=bundle.settings)

    @classmethod
    def from_runner(
        cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]
    ) -> "SequenceToSequencePipeline":
        """Refuse: an exported file holds one step of the decoder, not the loop around it.

        Raises:
            CheckpointError: Always.
        """
        raise CheckpointError(
            "An exported sequence-to-sequence model returns next-token logits and does not generate text. Load the bundle that "
            "it was exported from, or call the export with encoder_* and decoder_* inputs, one token at a time."
        )

    def __call__(self, sources: str | Sequence[str], *, batch_size: int = 32, **options: Any) -> Any:
        """Write a text for one source or for many.

        Args:
            sources: One text, or N; without the prefix, which is put before them.
            batch_size: Sources in one run.
            **options: Fields of `kerasft.generation.GenerationOptions`, over those of the bundle's settings:
                `max_new_tokens` (128 where the bundle says nothing), `num_beams`, `length_penalty`, `method`, ...

        Returns:
            For one text its answer, for many a list: `generated`, the text; `finished`, whether it ended by itself and not
            at `max_new_tokens`; of a beam search also `score`. Of texts that ended at the limit a warning tells the number.

        Raises:
            DataError: If a source is not text.
            KerasftError: If an option is unknown or out of range.
        """
        items, one = texts_of(sources, self.fields)
        options = merged_options(self.settings.get("generation", {}), options)
        texts = self._write(items, options, batch_size)
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
        """Write a text for every source, and score all by the references.

        Args:
            source: What `kerasft.data.sequence_to_sequence` reads.
            columns: As there.
            batch_size: Sources in one run.
            about: Facts for the report's header.
            metrics: One of `METRICS`; None: what the bundle's settings say, else `"translation"`.
            **options: Of the generation, as for a call.

        Returns:
            The report. Its metrics: BLEU and chrF from 0 to 100, ROUGE from 0 to 1; the loss in nats a token of the first
            reference, and the perplexity; `share_at_limit`, of the texts that ended at `max_new_tokens`;
            `references_beyond_limit`, of the references that have more tokens than that and could not be matched;
            `sources_cut`. How the scores were computed stands in `about`.

        Raises:
            DataError: If the data cannot be used.
            KerasftError: If an argument is out of range.
        """
        options = merged_options(self.settings.get("generation", {}), options)
        sources, references = sources_and_references(self.read(source, columns), columns=columns)
        cut = self.num_truncated
        written = self._write(sources, options, batch_size)
        warn_of_limit(written, options)
        scores = score_texts([text.text for text in written], references, self._metrics(metrics))
        copied, baseline_answer = without_model(sources, self._metrics(metrics))
        limits = {
            "share_at_limit": unfinished(written) / len(written),
            "references_beyond_limit": self._beyond_limit(references, options),
            "sources_cut": (self.num_truncated - cut) / len(sources),
        }
        return self._report(
            {**(about or {}), "generation": _in_words(options), **_distinct(scores.signatures)},
            title="Sequence to sequence",
            rows=len(sources),
            metrics=scores.metrics | self._loss(sources, references) | limits,
            errors=_samples(sources, references, written),
            baseline=score_texts(copied, references, self._metrics(metrics)).metrics,
            baseline_answer=baseline_answer,
        )

    def scores(
        self, source: object, *, columns: Mapping[str, object] | None = None, batch_size: int = 64
    ) -> dict[str, float]:
        """The scores of generated texts alone, and `share_at_limit`, without a warning: for each epoch of a training.

        Args:
            source: As for `evaluate`.
            columns: As there.
            batch_size: Sources in one run.

        Raises:
            DataError: If the data cannot be used.
        """
        sources, references = sources_and_references(self.read(source, columns), columns=columns)
        written = self._write(sources, merged_options(self.settings.get("generation", {}), {}), batch_size)
        scores = score_texts([text.text for text in written], references, self._metrics(None)).metrics
        return scores | {"share_at_limit": unfinished(written) / len(written)}

    def _metrics(self, given: str | None) -> str:
        kind = given or self.settings.get("metrics", "translation")
        if kind not in METRICS:
            raise bad_argument("metrics", f"one of {METRICS}", kind, "Choose one of them.")
        return kind

    def _write(self, sources: list[str], options: GenerationOptions, batch_size: int) -> list[Generated]:
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
        """The sum of the losses of a batch's tokens, and their number."""
        logits = self.model(features, training=False)  # (B, T, V)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)  # (B, T)
        return tf.reduce_sum(losses * weight), tf.reduce_sum(weight)


def score_texts(generated: Sequence[str], references: Sequence[Sequence[str]], metrics: str) -> TextScores:
    """Score texts by the metrics of a task.

    Args:
        generated: N texts.
        references: For each, one or more.
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
    """The texts that need no model, and what they are: a source's first three sentences for summaries, else the source.

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


def _in_words(options: GenerationOptions) -> str:
    beams = f" of {options.num_beams}, length penalty {options.length_penalty:g}" if options.method == "beam" else ""
    return f"{options.method}{beams}, at most {options.max_new_tokens} new tokens"


def _distinct(signatures: Mapping[str, str]) -> dict[str, str]:
    """The signatures, those of all ROUGE together once."""
    return {("rouge" if name.startswith("rouge") else name): value for name, value in signatures.items()}


def _samples(sources: list[str], references: list[list[str]], written: list[Generated]) -> list[dict]:
    """Rows at even distances among those that differ from every reference, for the eye."""
    differ = [row for row, text in enumerate(written) if text.text not in references[row]]
    places = np.unique(np.linspace(0, len(differ) - 1, _MOST_SAMPLES).astype(int)) if differ else []
    rows = [differ[place] for place in places]
    return [
        {
            "row": row,
            "text": sources[row],
            "truth": " | ".join(references[row]),
            "predicted": written[row].text + ("" if written[row].finished else " [limit]"),
            "confidence": None,
        }
        for row in rows
    ]
