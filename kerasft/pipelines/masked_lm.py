"""Texts with a gap in, the most likely words for it out; and how well a model knows a kind of text."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import log_softmax
from transformers import PreTrainedTokenizerFast

from kerasft.answers.masked_lm import fill_masks
from kerasft.data.batches.batching import Batching
from kerasft.data.masked_lm import Masking, masked_lm
from kerasft.encoding.encoded import encode
from kerasft.encoding.token_store import logger
from kerasft.errors import bad_argument, bad_data
from kerasft.features import LOGITS, PADDING_MASK, TOKEN_IDS
from kerasft.inference.runners import Runner, predict
from kerasft.pipelines.pipeline import Pipeline, texts_of
from kerasft.pipelines.unigram import ANSWER, Unigram, perplexity_of
from kerasft.reports import Report
from kerasft.tasks.masked_lm import MASKED_LM
from kerasft.truncation import one_warning, warn_truncated

_MOST_SAMPLES = 12
_SAMPLES_OF_BATCH = 2  # so that they come from all over the rows


class MaskedLMPipeline(Pipeline):
    """Fills the mask token in a text, and measures the pseudo-perplexity.

    Args:
        runner: The model: token ids in, logits over the vocabulary out.
        tokenizer: The tokenizer that the model was trained with.
        max_length: Longest text in tokens.
        settings: `masking` (fields of `kerasft.data.Masking`), `packed` and `seed`, as the model was validated; `evaluate`
            measures the same way.

    Raises:
        KerasftError: If the tokenizer has no mask token.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> from kerasft.inference.runners import keras_runner
    >>> from kerasft.heads import masked_lm
    >>> fill = MaskedLMPipeline(keras_runner(masked_lm(backbone)), tokenizer, max_length=16)
    >>> answer = fill("a [MASK] film", top_k=2)
    >>> sorted(answer), len(answer["masks"][0]), sorted(answer["masks"][0][0])
    (['filled', 'masks'], 2, ['score', 'token'])
    """

    task = MASKED_LM

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        *,
        max_length: int,
        settings: Mapping[str, Any] | None = None,
    ):
        if tokenizer.mask_token_id is None:
            raise bad_argument("tokenizer", "one with a mask token", type(tokenizer).__name__, "Use an encoder's.")
        self.runner = runner
        self.tokenizer = tokenizer
        self.max_length = min(max_length, runner.sequence_length or max_length)
        self.settings = {"masking": {}, "packed": False, "seed": 0, **(settings or {})}

    @classmethod
    def from_runner(
        cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]
    ) -> "MaskedLMPipeline":
        """Make the pipeline of a model in any form, its tokenizer, and the content of `kerasft.json`."""
        return cls(runner, tokenizer, max_length=metadata["max_length"], settings=metadata.get("settings"))

    def __call__(self, texts: str | Sequence[str], *, batch_size: int = 32, top_k: int = 5) -> Any:
        """Fill the masks of one text or many.

        Args:
            texts: Texts with the mask token in, `[MASK]` for BERT (`tokenizer.mask_token`), once or several times.
            batch_size: Texts in one run.
            top_k: Candidates for each mask, >= 1.

        Returns:
            For one text a dictionary, for many a list: `masks`, for each mask in the text's order the most likely tokens,
            `[{"token", "score"}, ...]`, with their probabilities, each mask by itself; `filled`, the text with the best
            token of each.

        Raises:
            DataError: If an item is no text, or has no mask (or only beyond `max_length` tokens).
            KerasftError: If an argument is out of range.
        """
        for name, value in (("top_k", top_k), ("batch_size", batch_size)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise bad_argument(name, "a whole number >= 1", value, "5 is usual.")
        items, one = texts_of(texts, self.fields)
        chunks = range(0, len(items), batch_size)  # logits of many texts over a vocabulary would fill the memory
        with one_warning():
            answers = [answer for start in chunks for answer in self._fill(items[start : start + batch_size], top_k)]
        return answers[0] if one else answers

    def _fill(self, texts: list[str], top_k: int) -> list[dict]:
        encoded = encode(self.tokenizer, texts, max_length=self.max_length)
        warn_truncated(encoded.num_truncated, len(texts), limit=self.max_length)
        logits = predict(self.runner, encoded, self.tokenizer.pad_token_id, batch_size=len(texts))[LOGITS]
        answers = []
        for text, ids, scores in zip(texts, encoded.token_ids, logits):
            places = np.flatnonzero(np.array(ids) == self.tokenizer.mask_token_id)
            if not len(places):
                fix = f"Write {self.tokenizer.mask_token} where a word is missing, within {self.max_length} tokens."
                raise bad_data("texts", "there is no mask in the text", fix, value=text)
            answers.append(
                fill_masks(
                    text,
                    scores[places][:, : len(self.tokenizer)],
                    top_k=top_k,
                    mask_token=self.tokenizer.mask_token,
                    token_text=self._token_text,
                    prefix=getattr(self.tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None),
                )
            )
        return answers

    def _token_text(self, token_id: int) -> str:
        token = self.tokenizer.convert_ids_to_tokens(token_id)
        return self.tokenizer.convert_tokens_to_string([token]).strip() or token

    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
    ) -> Report:
        """Measure how well masked tokens are found: `perplexity`, exp of the mean loss in nats of a masked token; and
        `accuracy`, the share of masked tokens that the model thinks most likely.

        The masks depend on the texts, the tokenizer, `settings` and nothing else, so that two models with one tokenizer can
        be compared. This is no perplexity of texts as a causal model has one; compare it only with numbers made alike.

        Args:
            source: What `kerasft.data.masked_lm` reads.
            columns: As there.
            batch_size: Texts in one run.
            about: Facts for the report's header.

        Raises:
            DataError: If the data cannot be used, or not one token was drawn.
        """
        source = self.read(source, columns)
        fixed = self.runner.sequence_length is not None
        dataset = masked_lm(
            source,
            self.tokenizer,
            columns=columns,
            packed=self.settings["packed"],
            masking=Masking(**self.settings["masking"]),
            max_length=self.max_length,
            batch_size=Batching(size=self.runner.batch_size or batch_size, fixed_length=fixed),
            seed=self.settings["seed"],
        )
        loss, right, count, rows = 0.0, 0, 0, 0
        unigram = Unigram(len(self.tokenizer))
        samples: list[dict] = []
        for features, y, weights in dataset.as_numpy_iterator():
            chosen = weights > 0
            logits = self.runner.run(features)[LOGITS][chosen].astype("float64")  # (masked, V)
            truth = y[chosen]
            original = np.where(chosen, y, features[TOKEN_IDS])[features[PADDING_MASK] > 0]
            unigram.add(original, scored=truth)
            if len(samples) < _MOST_SAMPLES:
                samples += self._samples(features[TOKEN_IDS], chosen, truth, logits.argmax(-1))
            loss -= log_softmax(logits, axis=-1)[np.arange(len(truth)), truth].sum()
            right += int((logits.argmax(-1) == truth).sum())
            count, rows = count + len(truth), rows + len(y)
        if not count:
            fix = "Give more text, or another seed."
            raise bad_data(str(source)[:80], f"of {rows} rows no token was drawn to be masked", fix)
        if count < 100:
            logger.warning("Only %d masked tokens were measured: the numbers are rough.", count)
        loss = float(loss) / count
        metrics = {"perplexity": perplexity_of(loss), "loss": loss, "accuracy": right / count}
        return Report(
            title="Masked language model",
            about={**(about or {}), "masks": f"seed {self.settings['seed']}, {Masking(**self.settings['masking'])}"},
            problem=self.task.name,
            labels=[],
            rows=rows,
            metrics={**metrics, "num_masked_tokens": count},
            baseline=unigram.scores(),
            baseline_answer=ANSWER,
            samples=samples[:_MOST_SAMPLES],
        )

    def _samples(
        self, token_ids: np.ndarray, chosen: np.ndarray, truth: np.ndarray, answered: np.ndarray
    ) -> list[dict[str, str]]:
        """Some rows of a batch: the text with its gaps, the tokens that stood there, and the most likely ones."""
        mask = self.tokenizer.mask_token_id
        left_out = set(self.tokenizer.all_special_ids) - {mask}
        ends = np.cumsum(chosen.sum(axis=1))  # of each row's tokens in `truth`
        samples = []
        for row in np.flatnonzero(chosen.any(axis=1))[:_SAMPLES_OF_BATCH]:
            own = slice(ends[row] - chosen[row].sum(), ends[row])
            ids = [int(token) for token in np.where(chosen[row], mask, token_ids[row]) if int(token) not in left_out]
            samples.append(
                {
                    "text": self.tokenizer.decode(ids, clean_up_tokenization_spaces=False),
                    "truth": ", ".join(self.tokenizer.convert_ids_to_tokens(truth[own].tolist())),
                    "predicted": ", ".join(map(str, self.tokenizer.convert_ids_to_tokens(answered[own].tolist()))),
                }
            )
        return samples
