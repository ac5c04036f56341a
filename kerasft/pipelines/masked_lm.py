"""Masked language modeling: mask filling, and pseudo-perplexity."""

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
from kerasft.errors import bad_argument, bad_data, whole_number
from kerasft.features import LOGITS, PADDING_MASK, TOKEN_IDS
from kerasft.inference.runners import Runner, predict
from kerasft.pipelines.pipeline import Pipeline, texts_of
from kerasft.pipelines.unigram import ANSWER, Unigram, perplexity_of
from kerasft.reports import Report
from kerasft.tasks.masked_lm import MASKED_LM
from kerasft.truncation import one_warning, warn_truncated

_MOST_SAMPLES = 12
_SAMPLES_OF_BATCH = 2  # so that samples come from all parts of the data


class MaskedLMPipeline(Pipeline):
    """Fills mask tokens in texts, and measures the pseudo-perplexity.

    Args:
        runner: The model, from token ids to logits over the vocabulary.
        tokenizer: The tokenizer that the model was trained with.
        max_length: Maximum text length in tokens.
        settings: `masking` (fields of `kerasft.data.Masking`), `packed` and `seed`, as in training, for `evaluate`.

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
            fix = "Use the tokenizer of an encoder."
            raise bad_argument("tokenizer", "a tokenizer with a mask token", type(tokenizer).__name__, fix)
        settings = {"masking": {}, "packed": False, "seed": 0, **(settings or {})}
        super().__init__(runner, tokenizer, max_length=max_length, settings=settings)

    def __call__(self, texts: str | Sequence[str], *, batch_size: int = 32, top_k: int = 5) -> Any:
        """Fill the masks of one or more texts.

        Args:
            texts: Texts with one or more mask tokens, `[MASK]` for BERT (`tokenizer.mask_token`).
            batch_size: Texts per batch.
            top_k: Number of candidates per mask, >= 1.

        Returns:
            For one text a dictionary, for several a list: `masks`, for each mask in order the most likely tokens,
            `[{"token", "score"}, ...]`, with their probabilities, independently of other masks; `filled`, the text with the
            top candidates.

        Raises:
            DataError: If an item is not a string, or has no mask (or only beyond `max_length` tokens).
            KerasftError: If an argument is out of range.
        """
        for name, value in (("top_k", top_k), ("batch_size", batch_size)):
            whole_number(name, value, "5 is usual.")
        items, one = texts_of(texts, self.fields)
        chunks = range(0, len(items), batch_size)  # logits of many texts over the vocabulary would need too much memory
        with one_warning():
            answers = [answer for start in chunks for answer in self._fill(items[start : start + batch_size], top_k)]
        return answers[0] if one else answers

    def _fill(self, texts: list[str], top_k: int) -> list[dict]:
        encoded = encode(self.tokenizer, texts, max_length=self.max_length)
        warn_truncated(encoded.num_truncated, len(texts), limit=self.max_length)
        logits = predict(self.runner, encoded, self.tokenizer.pad_token_id, batch_size=len(texts))[LOGITS]
        answers = []
        for text, ids, scores in zip(texts, encoded.token_ids, logits):
            positions = np.flatnonzero(np.array(ids) == self.tokenizer.mask_token_id)
            if not len(positions):
                fix = f"Put {self.tokenizer.mask_token} in place of a word, within the first {self.max_length} tokens."
                raise bad_data("texts", "the text contains no mask token", fix, value=text)
            answers.append(
                fill_masks(
                    text,
                    scores[positions][:, : len(self.tokenizer)],
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
        """Evaluate masked-token prediction: `perplexity`, exp of the mean loss in nats per masked token; and
        `accuracy`, the fraction of masked tokens predicted correctly.

        The masks depend only on the texts, the tokenizer and `settings`, so models with the same tokenizer can be compared.
        This is not the perplexity of a causal language model; compare it only with values computed in the same way.

        Args:
            source: Any source of `kerasft.data.masked_lm`.
            columns: See `kerasft.data.masked_lm`.
            batch_size: Texts per batch.
            about: Facts for the report's header.

        Raises:
            DataError: If the data is invalid, or no token was masked.
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
        loss = 0.0
        correct = 0
        count = 0
        rows = 0
        unigram = Unigram(len(self.tokenizer))
        samples: list[dict] = []
        for features, y, weights in dataset.as_numpy_iterator():
            chosen = weights > 0
            logits = self.runner.run(features)[LOGITS][chosen].astype("float64")  # (masked, V)
            labels = y[chosen]
            original = np.where(chosen, y, features[TOKEN_IDS])[features[PADDING_MASK] > 0]
            unigram.add(original, scored=labels)
            if len(samples) < _MOST_SAMPLES:
                samples += self._samples(features[TOKEN_IDS], chosen, labels, logits.argmax(-1))
            loss -= log_softmax(logits, axis=-1)[np.arange(len(labels)), labels].sum()
            correct += int((logits.argmax(-1) == labels).sum())
            count += len(labels)
            rows += len(y)
        if not count:
            fix = "Use more text, or a different seed."
            raise bad_data(str(source)[:80], f"no token was masked in {rows} rows", fix)
        if count < 100:
            logger.warning("Only %d masked tokens were evaluated: the metrics are unreliable.", count)
        loss = float(loss) / count
        metrics = {"perplexity": perplexity_of(loss), "loss": loss, "accuracy": correct / count}
        return self._report(
            {**(about or {}), "masks": f"seed {self.settings['seed']}, {Masking(**self.settings['masking'])}"},
            title="Masked language model",
            rows=rows,
            metrics={**metrics, "num_masked_tokens": count},
            baseline=unigram.scores(),
            baseline_answer=ANSWER,
            samples=samples[:_MOST_SAMPLES],
        )

    def _samples(
        self, token_ids: np.ndarray, chosen: np.ndarray, labels: np.ndarray, predicted: np.ndarray
    ) -> list[dict[str, str]]:
        """Return some rows of a batch: the masked text, the original tokens, and the predictions."""
        mask = self.tokenizer.mask_token_id
        hidden = set(self.tokenizer.all_special_ids) - {mask}
        ends = np.cumsum(chosen.sum(axis=1))  # end of each row's tokens in `labels`
        samples = []
        for row in np.flatnonzero(chosen.any(axis=1))[:_SAMPLES_OF_BATCH]:
            own = slice(ends[row] - chosen[row].sum(), ends[row])
            ids = [int(token) for token in np.where(chosen[row], mask, token_ids[row]) if int(token) not in hidden]
            samples.append(
                {
                    "text": self.tokenizer.decode(ids, clean_up_tokenization_spaces=False),
                    "truth": ", ".join(self.tokenizer.convert_ids_to_tokens(labels[own].tolist())),
                    "predicted": ", ".join(map(str, self.tokenizer.convert_ids_to_tokens(predicted[own].tolist()))),
                }
            )
        return samples
