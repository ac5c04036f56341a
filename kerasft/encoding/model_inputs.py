"""Model inputs from texts, for users who call `fit` and `predict` themselves."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft.encoding import encoded as encoding
from kerasft.encoding.token_store import Encoder
from kerasft.errors import bad_argument, bad_data, is_whole
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS, model_inputs
from kerasft.tokenizers.thread_safe import thread_safe


def encode(
    tokenizer: PreTrainedTokenizerFast,
    texts: str | Iterable[str],
    second: str | Iterable[str] | None = None,
    *,
    max_length: int | None = None,
    length: int | None = None,
    inputs: Iterable[str] | None = None,
) -> dict[str, np.ndarray]:
    """Encode texts, or pairs of texts, as inputs of a model's `fit`, `predict` and `call`; pipelines encode the same way.

    Args:
        tokenizer: The checkpoint's fast tokenizer.
        texts: N texts: a list, a table column, or an array; a string is a single text.
        second: The N second texts of pairs.
        max_length: Maximum number of tokens per row, including special tokens. Longer texts are truncated (of a pair, the
            longer text first), and a warning gives their number. Default 128, or the tokenizer's limit if lower.
        length: Length S to pad all rows to; None: the longest row.
        inputs: Names of the model's inputs, `inputs=model.input`; None: the tokenizer's default inputs. Required for a
            DistilBERT with BERT's tokenizer, because Keras matches inputs by order if there is an extra one.

    Returns:
        int32 arrays (N, S): `token_ids`; `padding_mask`, 1 for real tokens; and `segment_ids`, 1 for the second text, if
        the tokenizer or `inputs` has them.

    Raises:
        DataError: If there are no texts, or an item is not a string.
        KerasftError: If an argument is out of range.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> features = encode(tokenizer, ["a good film", "bad"], max_length=16)
    >>> {name: value.shape for name, value in features.items()}
    {'token_ids': (2, 5), 'padding_mask': (2, 5), 'segment_ids': (2, 5)}
    >>> encode(tokenizer, ["a film"], ["good"])["segment_ids"].tolist()
    [[0, 0, 0, 0, 1, 1]]
    """
    texts = _listed("texts", texts)
    if second is not None:
        second = _listed("second", second)
        if len(second) != len(texts):
            raise bad_argument("second", f"as many as texts ({len(texts)})", len(second), "Provide one per text.")
    encoder = Encoder(tokenizer, max_length, second is not None)
    if length is not None and (not is_whole(length) or length < encoder.max_length):
        raise bad_argument(
            "length", f"at least max_length={encoder.max_length}", length, "Use max_length= with the same value."
        )
    names = _checked_inputs(tokenizer, inputs)
    encoded = encoding.encode(
        tokenizer, texts if second is None else list(zip(texts, second)), max_length=encoder.max_length
    )
    encoder.report(encoded.num_truncated, len(texts))
    features = encoded.pad(range(len(texts)), encoder.pad_id, length=length)
    return {name: features[name] for name in names}


def encode_map(
    tokenizer: PreTrainedTokenizerFast,
    *,
    max_length: int | None = None,
    length: int | None = None,
    inputs: Iterable[str] | None = None,
) -> Callable[..., Any]:
    """Return `encode` as a function for `dataset.map` on batches: `dataset.batch(32).map(encode_map(tokenizer))`.

    The tokenizer runs in Python, so it cannot be part of an exported graph.

    Args:
        tokenizer: The checkpoint's fast tokenizer.
        max_length: See `encode`.
        length: Length S to pad all rows to; None: the longest row of each batch. Required on TPUs.
        inputs: Names of the model's inputs; see `encode`.

    Returns:
        A function of a batch of strings (B,), or of a tuple of two such batches for pairs. It returns a dictionary of int32
        (B, S) in place of the texts, and passes other elements, such as labels and sample weights, through.

    Raises:
        KerasftError: If an argument is out of range, or in `map` if the elements are not batches of strings.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> dataset = tf.data.Dataset.from_tensor_slices((["a good film", "bad", "poor"], [1, 0, 0]))
    >>> for features, labels in dataset.batch(2).map(encode_map(tokenizer, max_length=16)):
    ...     print(features["token_ids"].shape, labels.numpy().tolist())
    (2, 5) [1, 0]
    (1, 3) [0]
    """
    tokenizer = thread_safe(tokenizer)
    encode(
        tokenizer, [""], max_length=max_length, length=length, inputs=inputs
    )  # check the arguments here, not in the graph
    names = _checked_inputs(tokenizer, inputs)
    size = length

    def run(texts: np.ndarray, second: np.ndarray | None = None) -> list[np.ndarray]:
        columns = [None if column is None else [text.decode() for text in column] for column in (texts, second)]
        features = encode(tokenizer, *columns, max_length=max_length, length=size, inputs=names)
        return [features[name] for name in names]

    @tf.autograph.experimental.do_not_convert
    def function(texts: Any, *others: Any) -> Any:
        columns = list(texts) if isinstance(texts, tuple | list) else [texts]
        if len(columns) > 2 or not all(_is_batch_of_strings(column) for column in columns):
            fix = "Call dataset.batch(32) first; elements must be texts, (texts, labels) or ((first, second), labels)."
            raise bad_argument("dataset", "a dataset of string batches, or of tuples of two", str(texts), fix)
        arrays = tf.numpy_function(run, columns, [tf.int32] * len(names))
        for array in arrays:
            array.set_shape((columns[0].shape[0], size))
        features = dict(zip(names, arrays))
        return (features, *others) if others else features

    return function


def _is_batch_of_strings(column: Any) -> bool:
    return isinstance(column, tf.Tensor) and column.dtype == tf.string and column.shape.rank == 1


def _listed(name: str, texts: str | Iterable[str]) -> list[str]:
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, bytes | dict) or not isinstance(texts, Iterable):
        raise bad_argument(name, "a list of texts", texts, "Use [text] for a single text.")
    listed: list[str] = list(texts)
    if not listed:
        raise bad_data(name, "expected at least one text", "The list is empty.")
    if isinstance(listed[0], tuple | list):
        fix = "Pass the second texts of pairs as second=; for tagged words, use kerasft.data.token_classification."
        raise bad_data(name, "expected a string", fix, line=1, value=listed[0])
    return listed


def _checked_inputs(tokenizer: PreTrainedTokenizerFast, inputs: Iterable[str] | None) -> Sequence[str]:
    known = (TOKEN_IDS, PADDING_MASK, SEGMENT_IDS)
    names = list(model_inputs(tokenizer) if inputs is None else [inputs] if isinstance(inputs, str) else inputs)
    if not names or not set(names) <= set(known):
        raise bad_argument("inputs", f"names among {', '.join(known)}", names, "Use inputs=model.input.")
    return names
