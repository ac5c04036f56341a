"""Sequence classification head for texts or pairs of texts: single-label, multi-label or regression."""

from collections.abc import Iterable

import keras

from kerasft.backbones.token_embedding import ClassifierForm, find_config
from kerasft.errors import bad_argument
from kerasft.features import Labels
from kerasft.heads.initializer import head_initializer
from kerasft.heads.labelled_model import LabelledModel, Logits, check_dropout
from kerasft.heads.pooling import pool, pooling_of


def text_classifier(
    backbone: keras.Model,
    labels: Labels | Iterable[str],
    *,
    pooling: str | None = None,
    hidden_activation: str | None = None,
    dropout: float = 0.1,
) -> LabelledModel:
    """Extend a backbone's graph by pooling, dropout and a float32 linear layer.

    By default, the head has the structure published with the family, the only one that Hugging Face's class supports: the pooler
    for BERT; the first token and a new dense layer for RoBERTa (`tanh`), ELECTRA (`gelu`) and DistilBERT (`relu`); the last
    token and a linear layer without bias for GPT-2. A checkpoint that specifies its pooling (a sentence encoder, or a bundle
    trained with `pooling`) keeps it. For KerasHub's backbones, see `pooling`.

    The backbone's layers are shared with the model, so `model.get_layer("transformer_layer_3")` works, and freezing a layer
    affects both.

    Args:
        backbone: A functional encoder with the inputs of `kerasft.features`: kerasft's own or KerasHub's.
        labels: Class names for single-label; `kerasft.multi_label(names)` for multi-label; `kerasft.regression(*names)` for
            one real number per name.
        pooling: `"cls"`, `"pooler"`, `"mean"`, `"last"`, or None: the pooler if the backbone has one, otherwise `"cls"`.
        hidden_activation: Activation of a dense layer of H units between pooling and linear layer, such as `"tanh"`; None:
            no such layer.
        dropout: Dropout rate in [0, 1) before the linear layer, and before the dense layer (except for DistilBERT's
            default). BERT uses 0.1.

    Returns:
        A functional model from a dictionary of int32 tensors (B, S) to float32 logits (B, C), with `model.labels`.

    Raises:
        KerasftError: If an argument is invalid.

    Example:

    >>> inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in ("token_ids", "padding_mask")}
    >>> backbone = keras.Model(inputs, keras.layers.Embedding(10, 4)(inputs["token_ids"]))
    >>> model = text_classifier(backbone, ["negative", "positive"])
    >>> model.output_shape, list(model.labels)
    ((None, 2), ['negative', 'positive'])
    """
    check_dropout(dropout)
    labels = Labels.of(labels)
    config = find_config(backbone)
    form = ClassifierForm(pooling, hidden_activation)
    if form == ClassifierForm() and config is not None:
        # Use the pooling that the checkpoint was trained with; otherwise the published structure.
        form = config.classifier_form if config.pooling is None else ClassifierForm(config.pooling)
    features = pool(backbone, form.pooling)  # (B, H)
    if form.hidden_activation is not None:
        features = _hidden(features, form, dropout)  # (B, H)
    dropped = keras.layers.Dropout(dropout, name="classifier_dropout")(features)  # (B, H)
    logits = Logits(
        len(labels),
        labels=labels,
        use_bias=form.pooling != "last",  # as in GPT2ForSequenceClassification
        kernel_initializer=head_initializer(),
        name="logits",
    )
    return LabelledModel(backbone.input, logits(dropped), name="text_classifier")  # (B, C)


def _hidden(features: keras.KerasTensor, form: ClassifierForm, dropout: float) -> keras.KerasTensor:
    try:
        activation = keras.activations.get(form.hidden_activation)
    except ValueError as error:
        raise bad_argument(
            "hidden_activation", "the name of a Keras activation", form.hidden_activation, 'For example: "tanh".'
        ) from error
    if form.hidden_dropout:
        features = keras.layers.Dropout(dropout, name="classifier_hidden_dropout")(features)
    return keras.layers.Dense(
        features.shape[-1],
        activation=activation,
        kernel_initializer=head_initializer(),
        name="classifier_hidden",
    )(features)


def form_of(model: keras.Model) -> ClassifierForm:
    """Return the structure of a text classifier's head.

    Args:
        model: A model built by `text_classifier`.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> form_of(model)
    ClassifierForm(pooling='pooler', hidden_activation=None, hidden_dropout=False)
    """
    layers = {layer.name: layer for layer in model.layers}
    hidden = layers.get("classifier_hidden")
    activation = None if hidden is None else keras.activations.serialize(hidden.activation)
    return ClassifierForm(pooling_of(model), activation, "classifier_hidden_dropout" in layers)
