"""The beginning of a text in, its continuation out."""

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
from kerasft.inference.runners import Runner, keras_runner
from kerasft.pipelines.generation_options import OPTION_NAMES, merged_options, warn_of_limit
from kerasft.pipelines.pipeline import Pipeline, item_of, texts_of
from kerasft.pipelines.unigram import ANSWER, Unigram, perplexity_of
from kerasft.reports import Report
from kerasft.tasks.causal_lm import CAUSAL_LM
from kerasft.truncation import warn_truncated

_LOSS_TOKENS = 2048  # a batch's logits are this many rows of the vocabulary: 412 MB for GPT-2's 50,257 tokens


_SAMPLE_TOKENS = 40


class TextGenerationPipeline(Pipeline):
    """Writes texts on, and measures the perplexity.

    Args:
        runner: The model: token ids in, logits over the vocabulary out; it measures.
        tokenizer: The tokenizer that the model was trained with.
        max_length: Block size at which the perplexity is measured.
        settings: Of the bundle: `generation` (the default options of a call), `documents` (as the model was validated).
        generator: Writes the texts; None: the pipeline only measures.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> import kerasft
    >>> from kerasft.backbones import GPT2Config, gpt2
    >>> sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    >>> model = kerasft.heads.causal_lm(gpt2(GPT2Config(vocabulary_size=len(tokenizer), **sizes)))
    >>> write = TextGenerationPipeline.from_bundle(kerasft.make_bundle(model, tokenizer, max_length=16))
    >>> sorted(write("a good", max_new_tokens=4))
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
        self.runner = runner
        self.tokenizer = tokenizer
        self.max_length = min(max_length, runner.sequence_length or max_length)
        self.settings = dict(settings or {})
        self.num_truncated = 0
        self._generator = generator

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "TextGenerationPipeline":
        """Make the pipeline of a Keras model, its tokenizer, and the content of `kerasft.json`."""
        generator = Generator(bundle.model, bundle.tokenizer)
        return cls(
            keras_runner(bundle.model),
            bundle.tokenizer,
            max_length=bundle.max_length,
            settings=bundle.settings,
            generator=generator,
        )

    @classmethod
    def from_runner(
        cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]
    ) -> "TextGenerationPipeline":
        """Make the pipeline of an exported model, which can `evaluate` but not write."""
        return cls(runner, tokenizer, max_length=metadata["max_length"], settings=metadata.get("settings"))

    def __call__(self, prompts: str | Sequence[str], *, batch_size: int = 8, **options: Any) -> Any:
        """Write on one prompt or many.

        Args:
            prompts: One text, or N. An empty one is the beginning of a document. Of one that leaves no room for new tokens
                the beginning is cut, counted in `num_truncated`, and warned of.
            batch_size: Prompts in one run.
            **options: Fields of `kerasft.generation.GenerationOptions`, over those of the bundle's settings:
                `max_new_tokens` (128 where the bundle says nothing), `method`, `temperature`, `top_p`, `stop`, ...

        Returns:
            For one prompt its answer, for many a list: `generated`, what follows the prompt; `finished`, whether the text
            ended by itself and not at the limit; of a beam search also `score`. Of texts that ended at the limit a warning
            tells the number.

        Raises:
            DataError: If a prompt is not text.
            CheckpointError: If the model is an exported file, which has no cache.
            KerasftError: If an option is unknown or out of range.
        """
        items, one = texts_of(prompts, self.fields)
        chosen = merged_options(self.settings.get("generation", {}), options)
        rows = self._token_ids(items, chosen)
        texts = self._writer()(rows, chosen, batch_size=batch_size)
        warn_of_limit(texts, chosen)
        answers = [
            {"generated": text.text, "finished": text.finished} | ({} if text.score is None else {"score": text.score})
            for text in texts
        ]
        return answers[0] if one else answers

    def stream(self, prompt: str, **options: Any) -> Iterator[str]:
        """Yield the continuation of one prompt piece by piece, as it is written; together the same text as a call gives.

        Args:
            prompt: A text.
            **options: As for a call; no beam search, which knows its text only at the end.

        Raises:
            DataError: If the prompt is not text.
            KerasftError: If an option is unknown or out of range.
        """
        chosen = merged_options(self.settings.get("generation", {}), options)
        (row,) = self._token_ids([item_of(prompt, self.fields)], chosen)
        return self._pieces(self._writer().stream(row, chosen))

    def _pieces(self, token_ids: Iterator[int]) -> Iterator[str]:
        written: list[int] = []
        shown = ""
        for token in token_ids:
            written.append(token)
            text = self.tokenizer.decode(written, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            if not text.endswith("\ufffd"):  # a character whose bytes are not all there yet
                yield text[len(shown) :]
                shown = text
        if written:
            text = self.tokenizer.decode(written, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            if text != shown:
                yield text[len(shown) :]

    def _writer(self) -> Generator:
        if self._generator is None:
            raise CheckpointError(
                "An exported causal language model gives the scores of the next token and writes no texts. Load the bundle "
                "that it was exported from; `evaluate` works with the file."
            )
        return self._generator

    def _token_ids(self, prompts: list[str], options: GenerationOptions) -> list[list[int]]:
        for number, text in enumerate(prompts, 1):
            if not isinstance(text, str) or not is_unicode(text):
                raise bad_data("prompts", "not a text", "Give strings.", line=number, value=text)
        if not prompts:
            return []
        rows = self.tokenizer(prompts, add_special_tokens=False, verbose=False)["input_ids"]
        start = self.tokenizer.eos_token_id or 0  # documents follow one another: after an end there is a beginning
        rows = [row or [start] for row in rows]
        positions = self._writer().max_length
        if positions is None:
            return rows
        room = positions - min(options.max_new_tokens, positions // 2)
        cut = sum(len(row) > room for row in rows)
        warn_truncated(
            cut,
            len(rows),
            limit=room,
            kind="prompts",
            argument=f"the model's {positions} less {positions - room} for new ones",
            where=" at their beginning",
            advice="Give shorter prompts or a smaller max_new_tokens to keep them whole.",
        )
        self.num_truncated += cut
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
        """Measure next-token prediction: `perplexity`, exp of `loss`, the mean in nats of a token.

        Both depend on the tokenizer and on the block size, since a block's first tokens have little before them: compare
        them only where these are the same.

        Args:
            source: What `kerasft.data.causal_lm` reads.
            columns: As there.
            batch_size: Most blocks in one run; long blocks are run fewer at a time.
            about: Facts for the report's header.
            num_samples: How many blocks to continue after their first tokens, for the report; an exported file, which
                writes no texts, continues none.

        Raises:
            DataError: If the data cannot be used.
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
        loss, count, rows = 0.0, 0, 0
        unigram = Unigram(len(self.tokenizer))
        shown: list[list[int]] = []
        for features, y, weights in dataset.as_numpy_iterator():
            logits = self.runner.run(features)[LOGITS]  # (B, S, V)
            losses = logsumexp(logits, axis=-1) - np.take_along_axis(logits, y[..., None], axis=-1)[..., 0]  # (B, S)
            loss += float(np.sum(losses, where=weights > 0, dtype=np.float64))
            count, rows = count + int((weights > 0).sum()), rows + len(y)
            unigram.add(y[weights > 0], scored=y[weights > 0])
            shown += [ids[real > 0].tolist() for ids, real in zip(features[TOKEN_IDS], features[PADDING_MASK])][:2]
        loss /= count
        baseline = unigram.scores()
        del baseline["accuracy"]  # the model's is not measured
        return Report(
            title="Causal language model",
            about={**(about or {}), "block size": f"{self.max_length} tokens"},
            problem=self.task.name,
            labels=[],
            rows=rows,
            metrics={"perplexity": perplexity_of(loss), "loss": loss, "num_tokens": count},
            baseline=baseline,
            baseline_answer=ANSWER,
            samples=self._samples(shown[:num_samples]),
        )

    def _samples(self, rows: list[list[int]]) -> list[dict[str, str]]:
        """Blocks, continued greedily after their first quarter."""
        rows = [row for row in rows if len(row) > 1]
        if self._generator is None or not rows:
            return []
        length = max(1, min(map(len, rows)) // 4)
        options = GenerationOptions(max_new_tokens=max(1, min(_SAMPLE_TOKENS, length)))
        written = self._generator([row[:length] for row in rows], options, batch_size=len(rows))

        def decoded(ids: list[int]) -> str:
            return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

        return [
            {
                "text": decoded(row[:length]),
                "truth": decoded(row[length : length + options.max_new_tokens]),
                "predicted": text.text,
            }
            for row, text in zip(rows, written)
        ]
