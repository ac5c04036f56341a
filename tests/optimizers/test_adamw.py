import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasft.errors import KerasftError
from kerasft.optimizers import AdamW, WarmupLinearDecay

PARITY = Path(__file__).parents[1] / "parity" / "adamw.json"


class _Rates(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.01 * (tf.cast(step, tf.float32) + 1.0)


def classifier() -> keras.Model:
    keras.utils.set_random_seed(1)
    token_ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(30, 6, name="embedding")(token_ids)  # (B, S, H)
    x = keras.layers.LayerNormalization(name="norm")(x)
    x = keras.layers.GlobalAveragePooling1D()(x)  # (B, H)
    return keras.Model(token_ids, keras.layers.Dense(3, name="logits")(x))


def texts(count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return rng.integers(0, 30, (count, 5)), rng.integers(0, 3, count)


def fitted(optimizer, *, batch_size: int = 4, epochs: int = 2, model: keras.Model | None = None) -> keras.Model:
    model = model or classifier()
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    token_ids, y = texts()
    model.fit(token_ids, y, batch_size=batch_size, epochs=epochs, verbose=0, shuffle=False)
    return model


def assert_same_weights(one: keras.Model, other: keras.Model, tolerance: float) -> None:
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("dense", [False, True])
def test_equals_pytorch(jit_compile, dense):
    parity = json.loads(PARITY.read_text(encoding="utf-8"))
    variables = {name: keras.Variable(value, name=name) for name, value in parity["initial"].items()}
    optimizer = AdamW(_Rates(), jit_compile=jit_compile, **parity["options"])
    for step in parity["steps"]:
        table = tf.IndexedSlices(tf.constant(step["values"]), tf.constant(step["rows"]), tf.constant([7, 3]))
        gradients = {name: tf.constant(step[name]) for name in ("kernel", "bias")}
        gradients["table"] = tf.math.unsorted_segment_sum(table.values, table.indices, 7) if dense else table
        optimizer.apply([gradients[name] for name in variables], list(variables.values()))
        np.testing.assert_allclose(optimizer.gradient_norm.numpy(), step["norm"], rtol=1e-6)
        for name, expected in step["weights"].items():
            np.testing.assert_allclose(variables[name].numpy(), expected, rtol=1e-6, atol=2e-7)


def test_xla_changes_nothing_in_fit():
    plain = fitted(AdamW(1e-2, global_clipnorm=0.1, jit_compile=False))
    compiled = fitted(AdamW(1e-2, global_clipnorm=0.1, jit_compile=True))
    assert_same_weights(plain, compiled, 1e-6)


def test_update_may_be_compiled_inside_a_compiled_step():
    plain = fitted(AdamW(1e-2, jit_compile=False))
    model = classifier()
    optimizer = AdamW(1e-2, jit_compile=True)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=True)
    token_ids, y = texts()
    model.fit(token_ids, y, batch_size=4, epochs=2, verbose=0, shuffle=False)
    assert_same_weights(plain, model, 1e-6)


def test_large_models_are_compiled_small_ones_are_not():
    for size, compiled in ((10, False), (1_000_001, True)):
        optimizer = AdamW(1e-3)
        optimizer.build([keras.Variable(np.zeros((size, 1), "float32"))])
        assert (optimizer._compiled_update is not None) is compiled


def test_runs_eagerly():
    model = classifier()
    model.compile(AdamW(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    token_ids, y = texts()
    model.fit(token_ids, y, batch_size=4, epochs=2, verbose=0, shuffle=False)
    assert_same_weights(fitted(AdamW(1e-2)), model, 1e-6)


@pytest.mark.parametrize("strategy_class", [tf.distribute.OneDeviceStrategy, tf.distribute.MirroredStrategy])
def test_strategies_of_one_replica(strategy_class):
    strategy = strategy_class("CPU:0" if strategy_class is tf.distribute.OneDeviceStrategy else ["CPU:0"])
    with strategy.scope():
        model = fitted(AdamW(1e-2, global_clipnorm=0.1), epochs=1)
    assert_same_weights(fitted(AdamW(1e-2, global_clipnorm=0.1), epochs=1), model, 1e-6)


def test_xla_is_refused_where_variables_are_mirrored():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        optimizer = AdamW(1e-2, jit_compile=True)
        with pytest.raises(
            KerasftError, match=r"`jit_compile` must be .* under a distribution strategy; received: True"
        ):
            optimizer.build([keras.Variable([[1.0]])])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_accumulated_batches_are_one_batch_with_clipping(jit_compile):
    options = {"global_clipnorm": 0.05, "jit_compile": jit_compile}
    whole = fitted(AdamW(1e-2, **options), batch_size=8)
    parts = fitted(AdamW(1e-2, gradient_accumulation_steps=4, **options), batch_size=2)
    assert float(whole.optimizer.gradient_norm) > 0.05
    np.testing.assert_allclose(parts.optimizer.gradient_norm, whole.optimizer.gradient_norm, rtol=1e-5)
    assert_same_weights(whole, parts, 2e-6)


def test_nothing_moves_before_the_last_accumulated_batch():
    variable = keras.Variable([[1.0]])
    optimizer = AdamW(0.1, weight_decay=0.0, gradient_accumulation_steps=3)
    values = []
    for _ in range(4):
        optimizer.apply([tf.constant([[2.0]])], [variable])
        values.append(float(variable.numpy()[0, 0]))
    np.testing.assert_allclose(values, [1.0, 1.0, 0.9, 0.9], rtol=1e-6)


def decayed(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> set[str]:
    """Paths of the variables that move when all gradients are 0: those, and only those, that are decayed."""
    before = [variable.numpy() for variable in model.trainable_variables]
    optimizer.apply([tf.zeros(variable.shape) for variable in model.trainable_variables], model.trainable_variables)
    changed = [np.any(v.numpy() != old) for v, old in zip(model.trainable_variables, before)]
    return {v.path for v, moved in zip(model.trainable_variables, changed) if moved}


def ones(model: keras.Model) -> keras.Model:
    for variable in model.trainable_variables:
        variable.assign(tf.ones(variable.shape))
    return model


def test_vectors_are_never_decayed(tmp_path):
    matrices = {"embedding/embeddings", "logits/kernel"}
    # beta close to 0: the moments are soon 0, and only the decay moves a variable.
    model = fitted(AdamW(1e-2, weight_decay=0.5, beta_1=1e-30, beta_2=1e-30))
    clone = AdamW.from_config(model.optimizer.get_config())
    assert decayed(ones(classifier()), clone) == matrices
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras")
    for _ in range(2):
        moved = decayed(ones(restored), restored.optimizer)
    assert moved == matrices


def test_excluded_variables_are_not_decayed():
    model = ones(classifier())
    optimizer = AdamW(1e-2)
    optimizer.exclude_from_weight_decay(var_names=["embeddings"])
    assert decayed(model, optimizer) == {"logits/kernel"}
    with pytest.raises(KerasftError, match="received: 'a built optimizer'"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def test_training_goes_on_after_load_as_if_never_saved(tmp_path):
    def optimizer():
        schedule = WarmupLinearDecay(1e-2, total_steps=9)
        return AdamW(schedule, weight_decay=0.1, global_clipnorm=0.1, gradient_accumulation_steps=2)

    through = fitted(optimizer(), batch_size=8, epochs=3)
    stopped = fitted(optimizer(), batch_size=8, epochs=1)  # 3 batches: in the middle of an accumulation
    stopped.save(tmp_path / "model.keras")
    resumed = keras.models.load_model(tmp_path / "model.keras")
    assert resumed.optimizer.get_config() == stopped.optimizer.get_config()
    assert float(resumed.optimizer.gradient_norm) == float(stopped.optimizer.gradient_norm) > 0
    token_ids, y = texts()
    resumed.fit(token_ids, y, batch_size=8, epochs=2, verbose=0, shuffle=False)
    assert_same_weights(through, resumed, 0.0)


def test_frozen_layers_stay_and_missing_gradients_are_passed_over():
    model = classifier()
    model.get_layer("embedding").trainable = False
    before = model.get_layer("embedding").get_weights()[0]
    fitted(AdamW(1e-2, jit_compile=True), model=model)
    np.testing.assert_array_equal(model.get_layer("embedding").get_weights()[0], before)

    used, unused = keras.Variable([[1.0]], name="used"), keras.Variable([[1.0]], name="unused")
    optimizer = AdamW(0.1, weight_decay=0.0, jit_compile=True)
    optimizer.build([used, unused])
    with pytest.warns(UserWarning, match="Gradients do not exist for variables"):
        optimizer.apply([tf.constant([[1.0]]), None], [used, unused])
    np.testing.assert_allclose([used.numpy()[0, 0], unused.numpy()[0, 0]], [0.9, 1.0], rtol=1e-6)


def test_loss_scaling_of_mixed_precision():
    plain = fitted(AdamW(1e-2, global_clipnorm=0.1))
    scaled = fitted(keras.optimizers.LossScaleOptimizer(AdamW(1e-2, global_clipnorm=0.1), initial_scale=128.0))
    assert_same_weights(plain, scaled, 1e-6)


def test_exported_models_do_not_carry_the_update(tmp_path):
    model = fitted(AdamW(1e-2, jit_compile=True))
    model.export(str(tmp_path / "exported"), verbose=False)
    restored = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_allclose(
        restored.serve(texts()[0].astype("int32")), model.predict(texts()[0], verbose=0), atol=1e-6
    )


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"learning_rate": 0}, "`learning_rate` must be a number > 0 or a schedule; received: 0"),
        ({"weight_decay": -0.1}, "`weight_decay` must be a number >= 0; received: -0.1"),
        ({"weight_decay": None}, "received: None"),
        ({"beta_1": 1.0}, r"`beta_1` must be a number in \(0, 1\); received: 1.0"),
        ({"beta_2": 0.0}, r"`beta_2` must be a number in \(0, 1\); received: 0.0"),
        ({"epsilon": 0.0}, "`epsilon` must be a number > 0; received: 0.0"),
        ({"global_clipnorm": 0.0}, "`global_clipnorm` must be a number > 0 or None; received: 0.0"),
        ({"gradient_accumulation_steps": 1}, "`gradient_accumulation_steps` must be .*; received: 1"),
        ({"jit_compile": "yes"}, "`jit_compile` must be True, False or 'auto'; received: 'yes'"),
        ({"clipvalue": 1.0}, "`keras_options` must be .*; received: .'clipvalue'."),
    ],
)
def test_bad_arguments(arguments, shown):
    with pytest.raises(KerasftError, match=shown):
        AdamW(**{"learning_rate": 1e-3, **arguments})
