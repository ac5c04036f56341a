"""Checks of a model with a custom head before it is saved, by running it."""

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

_SAME = (
    1e-3  # relative to the largest output: far above rounding, far below the effect of padding on a mean of all tokens
)
_EQUAL = 1e-5  # relative to the largest output: for the same weights in the same graph


def trial_inputs(
    model: keras.Model, tokenizer: PreTrainedTokenizerFast, *, max_length: int, pair: bool = False
) -> dict[str, np.ndarray]:
    """Return model inputs for a short text, a text of `max_length` tokens, and an empty text, int32 (3, S).

    Args:
        model: A functional model with named inputs.
        tokenizer: The tokenizer of the training data.
        max_length: Maximum input length in tokens.
        pair: Whether the model takes pairs of texts.

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
    """Run a model once, and raise an error or warn if its bundle would give incorrect predictions.

    Args:
        model: A model from `own_model`.
        tokenizer: The tokenizer of the training data.
        max_length: Maximum input length in tokens.
        pair: Whether the model takes pairs of texts.

    Raises:
        KerasftError: If it cannot process the tokenizer's ids or `max_length` tokens, or outputs class probabilities.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> check_answers(model, tokenizer, max_length=16)
    """
    _check_vocabulary(model, tokenizer)
    features = trial_inputs(model, tokenizer, max_length=max_length, pair=pair)
    try:
        answers = keras.ops.convert_to_numpy(model(features, training=False))  # (3, ...)
    except Exception as error:  # any error of TensorFlow, Keras or custom layers
        fix = f"It failed with: {_reason(error)} Use the max_length of the training, if that is smaller."
        raise bad_argument("model", f"a model that accepts max_length={max_length} tokens", model.name, fix) from error
    if not np.isfinite(answers).all():
        logger.warning("The model's outputs are NaN or infinite: its weights are corrupted. Train it again.")
        return
    labels = getattr(model, "labels", None)
    if labels is not None and labels.problem == SINGLE_LABEL and _are_probabilities(answers):
        fix = "Use a last layer without activation, and train with from_logits=True."
        raise bad_argument(
            "model", "a model that outputs logits", "outputs that are >= 0 and sum to 1 in each row", fix
        )
    _warn_of_inputs(model, tokenizer)
    if fixed_length(model) is None:
        _warn_of_padding(model, features, answers)


def _check_vocabulary(model: keras.Model, tokenizer: PreTrainedTokenizerFast) -> None:
    first = [layer for layer in model.layers if getattr(getattr(layer, "input", None), "name", None) == TOKEN_IDS]
    tables = [
        getattr(layer, "token_embedding", layer) for layer in first
    ]  # KerasHub's TokenAndPositionEmbedding contains the token embedding
    sizes = [table.input_dim for table in tables if isinstance(table, keras.layers.Embedding)]
    largest = max(tokenizer.get_vocab().values(), default=0)
    if sizes and largest >= max(sizes):
        fix = "Use the tokenizer that the model was trained with, or a backbone with vocabulary_size=len(tokenizer)."
        raise bad_argument(
            "tokenizer", f"a tokenizer with ids below the model's vocabulary size {max(sizes)}", largest, fix
        )


def _are_probabilities(answers: np.ndarray) -> bool:
    return bool((answers >= 0).all() and np.allclose(answers.sum(axis=-1), 1, atol=1e-3))


def _warn_of_inputs(model: keras.Model, tokenizer: PreTrainedTokenizerFast) -> None:
    made = set(model_inputs(tokenizer))
    read = set(model.input)
    if made != read:
        logger.warning(
            "The model's inputs are %s; kerasft.encode and kerasft.data produce %s for this tokenizer. Train on "
            "kerasft.encode(..., inputs=model.input): Keras matches dictionaries with extra entries by position, so the model "
            "would get incorrect ids.",
            ", ".join(sorted(read)),
            ", ".join(sorted(made)),
        )


def _warn_of_padding(model: keras.Model, features: Mapping[str, np.ndarray], answers: np.ndarray) -> None:
    """Warn if outputs depend on padding: since pipelines pad to the longest text of a batch, they are not reproducible."""
    mask = features.get(PADDING_MASK)
    length = None if mask is None else int(mask[0].sum())
    if length is None:
        logger.warning(
            "The model has no padding_mask input: its prediction for a text may depend on the other texts of the batch."
        )
        return
    alone = keras.ops.convert_to_numpy(
        model({name: row[:1, :length] for name, row in features.items()}, training=False)
    )
    padded = answers[:1, :length] if answers.ndim == 3 else answers[:1]
    difference = float(np.abs(alone - padded).max(initial=0.0))
    if difference > _SAME * max(1.0, float(np.abs(alone).max())):
        logger.warning(
            "The model's outputs change by %.3g with the number of padding tokens. Exclude padding from sums and means: "
            "kerasft.heads.MaskedMean()(hidden_states, padding_mask), or GlobalAveragePooling1D()(hidden_states, mask=...).",
            difference,
        )


def save_checked(model: keras.Model, path: str | os.PathLike, features: Mapping[str, np.ndarray]) -> None:
    """Save a model as a `.keras` file, reload it, and compare the outputs.

    A warning lists the parts that `load_bundle` accepts only with `trust=True`.

    Args:
        model: A functional model.
        path: The file.
        features: The model's inputs.

    Raises:
        KerasftError: If Keras cannot save the model, cannot find its classes in another program, or reloads it differently.

    Example:

    >>> import pathlib
    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> save_checked(model, pathlib.Path("checked.keras"), trial_inputs(model, tokenizer, max_length=16))
    """
    fix = "Implement get_config() with all arguments of __init__ in your layers, and create all weights in build()."
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="The object being serialized includes a `lambda`")
            model.save(path)
    except UserWarning as error:
        fix = "Use a named function with @keras.saving.register_keras_serializable(), or a layer."
        raise bad_argument(
            "model", "a model without lambdas, whose Python code cannot be saved", "a lambda", fix
        ) from error
    except Exception as error:  # a custom get_config may raise any exception
        raise _unsaved(error, fix) from error
    unlisted = security.unlisted_names(path)
    unregistered = [name for name, is_registered in unlisted.items() if not is_registered]
    if unregistered:
        register = '@keras.saving.register_keras_serializable(package="my_project")'
        raise bad_argument(
            "model",
            "a model whose classes and functions are registered with Keras",
            ", ".join(unregistered),
            f"Decorate each with {register}.",
        )
    try:
        loaded = keras.models.load_model(path, compile=False, safe_mode=False)  # the file was written above
    except Exception as error:  # a custom class may raise any exception
        raise _unsaved(error, fix) from error
    before, after = (keras.ops.convert_to_numpy(each(features, training=False)) for each in (model, loaded))
    difference = float(np.abs(before - after).max(initial=0.0))
    if not difference <= _EQUAL * max(1.0, float(np.abs(before).max(initial=0.0))) and np.isfinite(before).all():
        received = f"outputs that differ by {difference:.3g} after reloading"
        raise bad_argument("model", "a model that Keras saves completely", received, fix)
    if unlisted:
        logger.warning(
            "The bundle can only be loaded with trust=True (--trust on the command line), after importing the module that "
            "defines %s, because kerasft cannot check this code.",
            ", ".join(unlisted),
        )


def _unsaved(error: Exception, fix: str) -> KerasftError:
    return bad_argument(
        "model", "a model that Keras can save and load", f"{type(error).__name__}: {_reason(error)}", fix
    )


def _reason(error: Exception) -> str:
    """Return the informative line of a Keras or TensorFlow error."""
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines()]  # Keras uses bold text
    informative = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    return f"{(informative or [type(error).__name__])[0].rstrip('.')}."
