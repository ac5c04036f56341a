"""What is found out of a model with a head of one's own by running it once, before it is saved."""

import logging
import os
import re
import warnings
from collections.abc import Mapping

import keras
import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft import security
from kerasft.encoding.encoded import encode
from kerasft.errors import KerasftError, bad_argument
from kerasft.features import PADDING_MASK, SINGLE_LABEL, TOKEN_IDS, model_inputs
from kerasft.heads.own_model import fixed_length

logger = logging.getLogger(__name__)

_SAME = 1e-3  # of the largest output: far above rounding, far below what padding does to a mean over all tokens
_EQUAL = 1e-5  # of the largest output: the same weights in the same graph


def trial_inputs(
    model: keras.Model, tokenizer: PreTrainedTokenizerFast, *, max_length: int, pair: bool = False
) -> dict[str, np.ndarray]:
    """Return what a model reads of a short text, of one of `max_length` tokens and of an empty one, int32 (3, S).

    Args:
        model: A functional model with named inputs.
        tokenizer: The tokenizer that made the training data.
        max_length: Longest input in tokens.
        pair: Whether the model reads pairs of texts.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> trial_inputs(model, tokenizer, max_length=16)["token_ids"].shape
    (3, 16)
    """
    texts = ["a short text", "word " * max_length, ""]
    encoded = encode(tokenizer, [(text, text) if pair else text for text in texts], max_length=max_length)
    features = encoded.pad(range(3), tokenizer.pad_token_id or 0, length=max_length)
    return {name: features[name] for name in model.input}


def check_answers(
    model: keras.Model, tokenizer: PreTrainedTokenizerFast, *, max_length: int, pair: bool = False
) -> None:
    """Run a model once, and raise or warn if its bundle would give wrong predictions.

    Args:
        model: What `own_model` made; the others as for `trial_inputs`.
        tokenizer: The tokenizer that made the training data.
        max_length: Longest input in tokens.
        pair: Whether the model reads pairs of texts.

    Raises:
        KerasftError: If it cannot read the tokenizer's ids or `max_length` tokens, or its classes' outputs are probabilities.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> check_answers(model, tokenizer, max_length=16)
    """
    _check_vocabulary(model, tokenizer)
    features = trial_inputs(model, tokenizer, max_length=max_length, pair=pair)
    try:
        answers = keras.ops.convert_to_numpy(model(features, training=False))  # (3, ...)
    except Exception as error:  # TensorFlow's, Keras' and those of layers of the user's
        fix = f"It failed with: {_reason(error)} Give the max_length of the training, if that is less."
        raise bad_argument(
            "model", f"one that takes a text of max_length={max_length} tokens", model.name, fix
        ) from error
    if not np.isfinite(answers).all():
        logger.warning("The model's outputs are NaN or infinite: its weights are broken. Train it again.")
        return
    labels = getattr(model, "labels", None)
    if labels is not None and labels.problem == SINGLE_LABEL and _are_probabilities(answers):
        fix = "End in a layer without activation, and train with from_logits=True."
        raise bad_argument("model", "one that ends in logits", "outputs that are >= 0 and sum to 1 in each row", fix)
    _warn_of_inputs(model, tokenizer)
    if fixed_length(model) is None:
        _warn_of_padding(model, features, answers)


def _check_vocabulary(model: keras.Model, tokenizer: PreTrainedTokenizerFast) -> None:
    reading = [layer for layer in model.layers if getattr(getattr(layer, "input", None), "name", None) == TOKEN_IDS]
    tables = [
        getattr(layer, "token_embedding", layer) for layer in reading
    ]  # KerasHub's TokenAndPositionEmbedding has one inside
    sizes = [table.input_dim for table in tables if isinstance(table, keras.layers.Embedding)]
    largest = max(tokenizer.get_vocab().values(), default=0)
    if sizes and largest >= max(sizes):
        fix = "Give the tokenizer that the model was trained with, or a backbone with vocabulary_size=len(tokenizer)."
        raise bad_argument("tokenizer", f"one whose ids are below the model's {max(sizes)} tokens", largest, fix)


def _are_probabilities(answers: np.ndarray) -> bool:
    return bool((answers >= 0).all() and np.allclose(answers.sum(axis=-1), 1, atol=1e-3))


def _warn_of_inputs(model: keras.Model, tokenizer: PreTrainedTokenizerFast) -> None:
    made, read = set(model_inputs(tokenizer)), set(model.input)
    if made != read:
        logger.warning(
            "The model reads %s; of this tokenizer kerasft.encode and kerasft.data make %s. Train on kerasft.encode(..., "
            "inputs=model.input): Keras takes a dictionary with an entry too many by its order, and the model reads wrong ids.",
            ", ".join(sorted(read)),
            ", ".join(sorted(made)),
        )


def _warn_of_padding(model: keras.Model, features: Mapping[str, np.ndarray], answers: np.ndarray) -> None:
    """Pipelines pad to the longest text of a batch: an answer that depends on it is another one each time."""
    mask = features.get(PADDING_MASK)
    length = None if mask is None else int(mask[0].sum())
    if length is None:
        logger.warning(
            "The model does not read padding_mask: its answer to a text may change with the texts beside it."
        )
        return
    alone = keras.ops.convert_to_numpy(
        model({name: row[:1, :length] for name, row in features.items()}, training=False)
    )
    padded = answers[:1, :length] if answers.ndim == 3 else answers[:1]
    difference = float(np.abs(alone - padded).max(initial=0.0))
    if difference > _SAME * max(1.0, float(np.abs(alone).max())):
        logger.warning(
            "The model's answer to a text changes by %.3g with the number of padding tokens. Keep them out of sums and means: "
            "kerasft.heads.MaskedMean()(hidden_states, padding_mask), or GlobalAveragePooling1D()(hidden_states, mask=...).",
            difference,
        )


def save_checked(model: keras.Model, path: str | os.PathLike, features: Mapping[str, np.ndarray]) -> None:
    """Write a model as a `.keras` file, load it again, and compare the answers.

    A warning says what of it `load_bundle` takes with `trust=True` only.

    Args:
        model: A functional model.
        path: The file.
        features: The model's inputs.

    Raises:
        KerasftError: If Keras cannot write the model, cannot find its classes in another program, or loads another model.

    Example:

    >>> import pathlib
    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> save_checked(model, pathlib.Path("checked.keras"), trial_inputs(model, tokenizer, max_length=16))
    """
    fix = "Give your layers a get_config() with all arguments of their __init__, and make all weights in build()."
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="The object being serialized includes a `lambda`")
            model.save(path)
    except UserWarning as error:
        named = "Give a named function with @keras.saving.register_keras_serializable(), or a layer."
        raise bad_argument(
            "model", "one without a lambda, whose Python code no file holds", "a lambda", named
        ) from error
    except Exception as error:  # whatever a get_config of the user's raises
        raise _unsaved(error, fix) from error
    unlisted = security.unlisted_names(path)
    unregistered = [name for name, is_registered in unlisted.items() if not is_registered]
    if unregistered:
        register = '@keras.saving.register_keras_serializable(package="my_project")'
        raise bad_argument(
            "model",
            "one whose classes and functions Keras finds again",
            ", ".join(unregistered),
            f"Put {register} above each.",
        )
    try:
        loaded = keras.models.load_model(path, compile=False, safe_mode=False)  # what was written just now
    except Exception as error:  # whatever a class of the user's raises
        raise _unsaved(error, fix) from error
    before, after = (keras.ops.convert_to_numpy(each(features, training=False)) for each in (model, loaded))
    difference = float(np.abs(before - after).max(initial=0.0))
    if not difference <= _EQUAL * max(1.0, float(np.abs(before).max(initial=0.0))) and np.isfinite(before).all():
        received = f"one whose answers differ by {difference:.3g} after it is loaded again"
        raise bad_argument("model", "one that Keras saves whole", received, fix)
    if unlisted:
        logger.warning(
            "The bundle can be loaded with trust=True (--trust on the command line) only, after an import of the module that "
            "defines %s: kerasft does not know what it does.",
            ", ".join(unlisted),
        )


def _unsaved(error: Exception, fix: str) -> KerasftError:
    return bad_argument("model", "one that Keras can save and load", f"{type(error).__name__}: {_reason(error)}", fix)


def _reason(error: Exception) -> str:
    """The sentence of an error of Keras' or TensorFlow's that says what is wrong."""
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines()]  # Keras prints it bold
    said = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    return f"{(said or [type(error).__name__])[0].rstrip('.')}."
