"""Text generation with a causal language model."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import logsumexp
from transformers import PreTrainedTokenizerFast

from kerasft.bundles import Bundle
from kerasft.data.batches.batching import Batching
from kerasft.data.causal_lm import causal_lm
from kerasft.errors import CheckpointError, bad_data
from kerasft.features import LOGITS, PADDING_MASK, TOKEN_IDS, is_unicode
from kerasft.generation import GenerationOptions, Generator
from kerasft.inference.runners import Runner
from kerasft.pipelines.generation_options import OPTION_NAMES, answers_of, merged_options, warn_of_limit
from kerasft.pipelines.pipeline import Pipeline, item_of, texts_of
from kerasft.pipelines.unigram import ANSWER, Unigram, perplexity_of
from kerasft.reports import Report
from kerasft.tasks.causal_lm import CAUSAL_LM
from kerasft.truncation import warn_truncated

_LOSS_TOKENS = 2048  # tokens per batch of logits: 412 MB for GPT-2's vocabulary of 50,257


_SAMPLE_TOKENS = 40


class TextGenerationPipeline(Pipeline):
    """Generates continuations of prompts, and measures the perplexity.

    Args:
        runner: The model, from token ids to logits over the vocabulary; used by `evaluate`.
        tokenizer: The tokenizer that the model was trained with.
        max_length: Block size for the perplexity.
        settings: The bundle's settings: `generation` (default options of a call), `documents` (see `kerasft.data.causal_lm`).
        generator: Text generator; None: only `evaluate` is available.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> import kerasft
    >>> from kerasft.backbones import GPT2Config, gpt2
    >>> sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    >>> model = kerasft.heads.causal_lm(gpt2(GPT2Config(vocabulary_size=len(tokenizer), **sizes)))
    >>> generate = TextGenerationPipeline.from_bundle(kerasft.make_bundle(model, tokenizer, max_length=16))
    >>> sorted(generate("a good", max_new_tokens=4))
    ['finished', 'generated']
    """

    task = CAUSAL_LM
    fields = ("prompt",)
    more_options = OPTION_NAMES

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        *,
        max_length: int,
        settings: Mapping[str, Any] | None = None,
        generator: Generator | None = None,
    ):
        super().__init__(runner, tokenizer, max_length=max_length, settings=settings)
        self._generator = generator

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "TextGenerationPipeline":
        """Make a pipeline from a Keras model, its tokenizer, and the content of `kerasft.json`."""
        pipeline = super().from_bundle(bundle)
        pipeline._generator = Generator(bundle.model, bundle.tokenizer)
        return pipeline

    def __call__(self, prompts: str | Sequence[str], *, batch_size: int = 8, **options: Any) -> Any:
        """Generate continuations of one or more prompts.

        Args:
            prompts: One or N texts. An empty text is the start of a document. Prompts that leave no room for new tokens are
                truncated from the left, counted in `num_truncated`, with a warning.
            batch_size: Prompts per batch.
            **options: Fields of `kerasft.generation.GenerationOptions`, which override the bundle's settings:
                `max_new_tokens` (128 if the bundle does not set it), `method`, `temperature`, `top_p`, `stop`, ...

        Returns:
            For one prompt a dictionary, for several a list: `generated`, the continuation; `finished`, whether the text ended
            before the limit; with beam search also `score`. A warning gives the number of texts that reached the limit.

        Raises:
            DataError: If a prompt is not a string.
            CheckpointError: If the model is an export, which has no cache.
            KerasftError: If an option is unknown or out of range.
        """
        items, one = texts_of(prompts, self.fields)
        chosen = merged_options(self.settings.get("generation", {}), options)
        rows = self._token_ids(items, chosen)
        texts = self._checked_generator()(rows, chosen, batch_size=batch_size)
        warn_of_limit(texts, chosen)
        answers = answers_of(texts)
        return answers[0] if one else answers

    def stream(self, prompt: str, **options: Any) -> Iterator[str]:
        """Stream the continuation of one prompt; the concatenated pieces equal the result of a call.

        Args:
            prompt: A text.
            **options: See `__call__`; not beam search, whose text is complete only at the end.

        Raises:
            DataError: If the prompt is not a string.
            KerasftError: If an option is unknown or out of range.
        """
        chosen = merged_options(self.settings.get("generation", {}), options)
        (row,) = self._token_ids([item_of(prompt, self.fields)], chosen)
        return self._pieces(self._checked_generator().stream(row, chosen))

    def _pieces(self, token_ids: Iterator[int]) -> Iterator[str]:
        generated: list[int] = []
        yielded = ""
        for token in token_ids:
            generated.append(token)
            text = self.tokenizer.decode(generated, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            if not text.endswith("\ufffd"):  # an incomplete character
                yield text[len(yielded) :]
                yielded = text
        if generated:
            text = self.tokenizer.decode(generated, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            if text != yielded:
                yield text[len(yielded) :]

    def _checked_generator(self) -> Generator:
        if self._generator is None:
            raise CheckpointError(
                "An exported causal language model returns next-token logits and does not generate text. Load the bundle that "
                "it was exported from; `evaluate` works with the export."
            )
        return self._generator

    def _token_ids(self, prompts: list[str], options: GenerationOptions) -> list[list[int]]:
        for number, text in enumerate(prompts, 1):
            if not isinstance(text, str) or not is_unicode(text):
                raise bad_data("prompts", "expected a string", "Use strings.", line=number, value=text)
        if not prompts:
            return []
        rows = self.tokenizer(prompts, add_special_tokens=False, verbose=False)["input_ids"]
        start = self.tokenizer.eos_token_id or 0  # in packed data, the end token precedes the start of a document
        rows = [row or [start] for row in rows]
        positions = self._checked_generator().max_length
        if positions is None:
            return rows
        room = positions - min(options.max_new_tokens, positions // 2)
        num_truncated = sum(len(row) > room for row in rows)
        warn_truncated(
            num_truncated,
            len(rows),
            limit=room,
            kind="prompts",
            argument=f"{positions} positions of the model minus {positions - room} new tokens",
            where=" from the left",
            advice="To avoid truncation, use shorter prompts or a smaller max_new_tokens.",
        )
        self.num_truncated += num_truncated
        return [row[-room:] for row in rows]

    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
        num_samples: int = 5,
    ) -> Report:
        """Evaluate next-token prediction: `perplexity`, exp of `loss`, the mean in nats per token.

        Both depend on the tokenizer and on the block size, since a block's first tokens have little context: compare them
        only if these are equal.

        Args:
            source: Any source of `kerasft.data.causal_lm`.
            columns: See `kerasft.data.causal_lm`.
            batch_size: Maximum blocks per batch; fewer for long blocks.
            about: Facts for the report's header.
            num_samples: Number of blocks to continue after their first tokens, for the report; none for an export, which
                cannot generate.

        Raises:
            DataError: If the data is invalid.
        """
        source = self.read(source, columns)
        most = max(1, min(batch_size, _LOSS_TOKENS // self.max_length))
        fixed = self.runner.sequence_length is not None
        dataset = causal_lm(
            source,
            self.tokenizer,
            block_size=self.max_length,
            documents=self.settings.get("documents", "file"),
            columns=columns,
            batch_size=Batching(size=self.runner.batch_size or most, fixed_length=fixed),
        )
        loss = 0.0
        count = 0
        rows = 0
        unigram = Unigram(len(self.tokenizer))
        blocks: list[list[int]] = []
        for features, y, weights in dataset.as_numpy_iterator():
            logits = self.runner.run(features)[LOGITS]  # (B, S, V)
            losses = logsumexp(logits, axis=-1) - np.take_along_axis(logits, y[..., None], axis=-1)[..., 0]  # (B, S)
            loss += float(np.sum(losses, where=weights > 0, dtype=np.float64))
            count += int((weights > 0).sum())
            rows += len(y)
            unigram.add(y[weights > 0], scored=y[weights > 0])
            blocks += [ids[real > 0].tolist() for ids, real in zip(features[TOKEN_IDS], features[PADDING_MASK])][:2]
        loss /= count
        baseline = unigram.scores()
        del baseline["accuracy"]  # not measured for the model
        return self._report(
            {**(about or {}), "block size": f"{self.max_length} tokens"},
            title="Causal language model",
            rows=rows,
            metrics={"perplexity": perplexity_of(loss), "loss": loss, "num_tokens": count},
            baseline=baseline,
            baseline_answer=ANSWER,
            samples=self._samples(blocks[:num_samples]),
        )

    def _samples(self, rows: list[list[int]]) -> list[dict[str, str]]:
        """Return blocks with greedy continuations of their first quarter."""
        rows = [row for row in rows if len(row) > 1]
        if self._generator is None or not rows:
            return []
        length = max(1, min(map(len, rows)) // 4)
        options = GenerationOptions(max_new_tokens=max(1, min(_SAMPLE_TOKENS, length)))
        generated = self._generator([row[:length] for row in rows], options, batch_size=len(rows))

        def decoded(ids: list[int]) -> str:
            return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

        return [
            {
                "text": decoded(row[:length]),
                "truth": decoded(row[length : length + options.max_new_tokens]),
                "predicted": text.text,
            }
            for row, text in zip(rows, generated)
        ]
