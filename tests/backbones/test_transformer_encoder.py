"""The encoder block: its formula, its dtypes, its errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasft.backbones import AttentionBias, TransformerEncoderLayer
from kerasft.errors import KerasftError

RNG = np.random.default_rng(0)
STATES = RNG.normal(size=(2, 5, 8)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])


def layer(**options):
    """A built layer whose every weight is random."""
    made = TransformerEncoderLayer(**{"num_heads": 2, "intermediate_dim": 6, "name": "layer", **options})
    made.build((None, None, 8))
    for variable in made.trainable_variables:
        variable.assign(RNG.normal(size=variable.shape))
    return made


def by_hand(made, states, bias, epsilon=1e-12):
    """The docstring's formula, in numpy and float64."""

    def dense(part, x):
        return x @ part.kernel.numpy().astype("float64") + part.bias.numpy()

    def norm(part, x):
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt(x.var(-1, keepdims=True) + epsilon) * part.gamma.numpy() + part.beta.numpy()

    batch, length, width = states.shape
    heads = [
        dense(part, states).reshape(batch, length, 2, width // 2).transpose(0, 2, 1, 3)
        for part in (made.query, made.key, made.value)
    ]
    scores = heads[0] @ heads[1].transpose(0, 1, 3, 2) / np.sqrt(width // 2) + bias
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    attended = (weights @ heads[2]).transpose(0, 2, 1, 3).reshape(batch, length, width)
    y = norm(made.attention_layer_norm, states + dense(made.attention_output, attended))
    hidden = np.maximum(dense(made.intermediate, y), 0)
    return norm(made.feedforward_layer_norm, y + dense(made.feedforward_output, hidden))


def test_the_output_is_the_formulas():
    made, bias = layer(activation="relu"), AttentionBias()(MASK)
    np.testing.assert_allclose(made(STATES, bias), by_hand(made, STATES, bias.numpy()), atol=2e-5)


def test_epsilon_is_used():
    made = layer(activation="relu", layer_norm_epsilon=0.5)
    np.testing.assert_allclose(made(STATES), by_hand(made, STATES, 0.0, epsilon=0.5), atol=2e-5)


def test_padding_is_not_attended_to():
    made, bias = layer(), AttentionBias()(MASK)
    other = STATES.copy()
    other[1, 2:] = 100.0
    np.testing.assert_array_equal(made(STATES, bias)[1, :2], made(other, bias)[1, :2])


def test_the_default_mask_value_equals_an_infinite_one():
    made = layer()
    infinite = np.where(MASK[:, None, None, :] == 1, 0.0, -np.inf).astype("float32")
    np.testing.assert_array_equal(made(STATES, AttentionBias()(MASK)), made(STATES, infinite))


@pytest.mark.parametrize("value", [0.0, 1.0, -1e9, float("-inf"), float("nan")])
def test_a_mask_value_that_is_not_safe_is_refused(value):
    with pytest.raises(KerasftError, match=f"`mask_value` must be between -65504 and 0; received: {value!r}"):
        AttentionBias(mask_value=value)


def test_heads_must_divide_the_width():
    with pytest.raises(KerasftError, match=r"`num_heads` must be a divisor of hidden_dim \(8\); received: 3"):
        TransformerEncoderLayer(num_heads=3, intermediate_dim=4).build((None, None, 8))


def test_the_two_dropouts_are_two():
    for rates, active in (((0.9, 0.0), True), ((0.0, 0.9), True), ((0.0, 0.0), False)):
        made = layer(hidden_dropout=rates[0], attention_dropout=rates[1])
        assert np.allclose(made(STATES, training=True), made(STATES), atol=1e-6) is not active
    made = layer(hidden_dropout=0.0, attention_dropout=0.5)
    assert made.attention_dropout_layer.rate == 0.5
    assert made.hidden_dropout_layer.rate == 0.0


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_finite_and_near(policy):
    exact = layer()
    half = TransformerEncoderLayer(num_heads=2, intermediate_dim=6, dtype=policy)
    half.build((None, None, 8))
    half.set_weights(exact.get_weights())
    expected = exact(STATES, AttentionBias()(MASK))
    received = half(STATES, AttentionBias(dtype=policy)(MASK))
    assert received.dtype.name == policy.removeprefix("mixed_")
    np.testing.assert_allclose(tf.cast(received, tf.float32), expected, atol=0.25)


def test_a_layer_comes_back_from_its_config():
    made = layer(activation="relu", hidden_dropout=0.2, attention_dropout=0.3, layer_norm_epsilon=0.1)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert again.get_config() == made.get_config()
    bias = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(AttentionBias(-30.0)))
    assert bias.mask_value == -30.0


def test_every_weight_has_a_gradient():
    made = layer(hidden_dropout=0.0, attention_dropout=0.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(made(STATES, AttentionBias()(MASK)) ** 3)
    for variable, gradient in zip(
        made.trainable_variables, tape.gradient(loss, [v.value for v in made.trainable_variables]), strict=True
    ):
        assert gradient is not None, variable.path
        assert np.all(np.isfinite(gradient)), variable.path
