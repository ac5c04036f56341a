"""Pooling of hidden states to one vector per text."""

import keras

from kerasft.backbones.token_embedding import find_config
from kerasft.errors import bad_argument
from kerasft.features import PADDING_MASK, POOLED_OUTPUT, SEQUENCE_OUTPUT

POOLINGS = ("cls", "pooler", "mean", "last")


@keras.saving.register_keras_serializable(package="kerasft")
class MaskedMean(keras.layers.Layer):
    """Mean pooling over real tokens, without padding.

    Maps `(hidden_states, padding_mask)` of shapes (B, S, H) and (B, S) to (B, H). The sum is computed in float32, also under
    mixed precision. The result of rows without real tokens is zero.

    Example:

    >>> import numpy as np
    >>> MaskedMean()(np.array([[[2.0], [4.0], [9.0]]]), np.array([[1, 1, 0]])).numpy().tolist()
    [[3.0]]
    """

    def call(self, hidden_states, padding_mask):
        """Average over the positions where the mask is 1."""
        weights = keras.ops.expand_dims(keras.ops.cast(padding_mask, "float32"), -1)  # (B, S, 1)
        total = keras.ops.sum(keras.ops.cast(hidden_states, "float32") * weights, axis=1)  # (B, H)
        count = keras.ops.maximum(keras.ops.sum(weights, axis=1), 1.0)  # (B, 1)
        return keras.ops.cast(total / count, self.compute_dtype)


@keras.saving.register_keras_serializable(package="kerasft")
class LastToken(keras.layers.Layer):
    """Last-token pooling: in a decoder, only the last real token attends to the whole text.

    Maps `(hidden_states, padding_mask)` of shapes (B, S, H) and (B, S) to (B, H). Padding may be on either side. The result of
    rows without real tokens is zero.

    Example:

    >>> import numpy as np
    >>> LastToken()(np.array([[[2.0], [4.0], [9.0]]]), np.array([[1, 1, 0]])).numpy().tolist()
    [[4.0]]
    """

    def call(self, hidden_states, padding_mask):
        """Select the last position where the mask is 1."""
        real = keras.ops.cast(padding_mask, "int32")  # (B, S)
        counted = keras.ops.cumsum(real, axis=1)  # (B, S)
        total = keras.ops.sum(real, axis=1, keepdims=True)  # (B, 1)
        last = keras.ops.cast(keras.ops.equal(counted, total), hidden_states.dtype)
        last = keras.ops.expand_dims(last * keras.ops.cast(real, hidden_states.dtype), -1)  # (B, S, 1)
        return keras.ops.sum(hidden_states * last, axis=1)  # (B, H)


def outputs_of(backbone: keras.Model) -> dict:
    """Return a backbone's outputs by name, for backbones that output a dictionary or only hidden states.

    Args:
        backbone: A functional encoder with the inputs of `kerasft.features`.

    Raises:
        KerasftError: If the backbone has no `padding_mask` input or no hidden states of shape (B, S, H).

    Example:

    >>> inputs = {"token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
    ...           "padding_mask": keras.Input((None,), dtype="int32", name="padding_mask")}
    >>> backbone = keras.Model(inputs, keras.layers.Embedding(10, 4)(inputs["token_ids"]))
    >>> outputs_of(backbone)["sequence_output"].shape
    (None, None, 4)
    """
    if not isinstance(getattr(backbone, "input", None), dict) or PADDING_MASK not in backbone.input:
        raise bad_argument(
            "backbone",
            f"a functional encoder with named inputs, including {PADDING_MASK!r}",
            sorted(backbone.input) if isinstance(getattr(backbone, "input", None), dict) else backbone,
            "Load one with kerasft.load_pretrained(...) (not T5, an encoder-decoder), or use a KerasHub backbone.",
        )
    outputs = backbone.output if isinstance(backbone.output, dict) else {SEQUENCE_OUTPUT: backbone.output}
    if len(getattr(outputs.get(SEQUENCE_OUTPUT), "shape", ())) != 3:
        raise bad_argument(
            "backbone",
            "an encoder that outputs hidden states of shape (batch, length, hidden_dim)",
            backbone.output,
            "Use the encoder itself, without a task head.",
        )
    return outputs


def default_pooling(backbone: keras.Model) -> str:
    """Return the default pooling of a backbone.

    Args:
        backbone: A functional encoder with the inputs of `kerasft.features`.

    Returns:
        The pooling that the checkpoint was trained with, if specified (in a sentence encoder's `1_Pooling` or a bundle);
        otherwise `"last"` for a decoder, `"pooler"` if the backbone has one, and `"cls"` in all other cases.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> default_pooling(backbone)
    'pooler'
    """
    config = find_config(backbone)
    if getattr(config, "pooling", None) is not None:
        return config.pooling
    if config is not None and config.classifier_form.pooling == "last":
        return "last"
    return "pooler" if POOLED_OUTPUT in outputs_of(backbone) else "cls"


def pooling_of(model: keras.Model) -> str:
    """Return the pooling of a model with one vector per text.

    Args:
        model: A model built by `kerasft.heads.text_classifier` or `kerasft.heads.sentence_embedding`.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> pooling_of(model)
    'pooler'
    """
    layers = {layer.name: layer for layer in model.layers}
    if "pooling" in layers:
        return "last" if isinstance(layers["pooling"], LastToken) else "mean"
    return "pooler" if "pooled_dense" in layers else "cls"


def pool(backbone: keras.Model, pooling: str | None = None):
    """Add the pooling to a backbone's graph and return the (B, H) tensor.

    Args:
        backbone: A functional encoder with the inputs of `kerasft.features`.
        pooling: `"cls"`: the hidden state of the first token. `"pooler"`: that state after the checkpoint's pretrained tanh
            layer (Devlin et al. 2019, arXiv:1810.04805). `"mean"`: the mean over real tokens. `"last"`: the hidden state of
            the last real token, for decoders. None: see `default_pooling`.

    Raises:
        KerasftError: If `pooling` is unknown, or is `"pooler"` for a backbone without one.

    Example:

    >>> inputs = {"token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
    ...           "padding_mask": keras.Input((None,), dtype="int32", name="padding_mask")}
    >>> backbone = keras.Model(inputs, keras.layers.Embedding(10, 4)(inputs["token_ids"]))
    >>> pool(backbone, "mean").shape
    (None, 4)
    """
    outputs = outputs_of(backbone)
    if pooling is None:
        pooling = default_pooling(backbone)
    if pooling not in POOLINGS:
        raise bad_argument("pooling", f"one of {POOLINGS} or None", pooling, "Choose one of them.")
    if pooling == "pooler":
        if POOLED_OUTPUT not in outputs:
            raise bad_argument(
                "pooling",
                "'cls' or 'mean' for a backbone without a pooler",
                pooling,
                f"{backbone.name!r} outputs hidden states only.",
            )
        return outputs[POOLED_OUTPUT]  # (B, H)
    if pooling == "mean":
        return MaskedMean(name="pooling")(outputs[SEQUENCE_OUTPUT], backbone.input[PADDING_MASK])  # (B, H)
    if pooling == "last":
        return LastToken(name="pooling")(outputs[SEQUENCE_OUTPUT], backbone.input[PADDING_MASK])  # (B, H)
    return outputs[SEQUENCE_OUTPUT][:, 0, :]  # (B, H)
