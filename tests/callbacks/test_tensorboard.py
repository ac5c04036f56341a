import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from kerasft.callbacks import TensorBoard
from kerasft.callbacks.tensorboard import _hyper_parameters
from kerasft.errors import KerasftError
from kerasft.features import multi_label, regression
from tests.callbacks import tiny_training


class SGD(keras.optimizers.SGD):
    """Records a gradient norm, as kerasft's AdamW does."""

    def build(self, variables):
        super().build(variables)
        self.gradient_norm = self.add_variable((), name="gradient_norm")

    def apply(self, grads, trainable_variables=None):
        super().apply(grads, trainable_variables)
        self.gradient_norm.assign(3.0)


def fit(folder, *, model=None, epochs=2, problem=tiny_training.LABELS, **options):
    model = model or tiny_training.model(problem)
    data = tiny_training.dataset(problem)
    callback = TensorBoard(folder, **options)
    history = model.fit(data, validation_data=data, epochs=epochs, shuffle=False, verbose=0, callbacks=[callback])
    return model, history.history


def events(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


def scalars(folder):
    accumulator = events(folder)
    made = {}
    for tag in accumulator.Tags()["tensors"]:
        points = accumulator.Tensors(tag)
        if accumulator.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":
            made[tag] = {point.step: float(tf.make_ndarray(point.tensor_proto)) for point in points}
    return made


def test_curves_by_step(tmp_path):
    fit(tmp_path, model=tiny_training.model(optimizer=SGD(0.05)), update_freq=1)
    values = scalars(tmp_path / "train")
    assert list(values["step/loss"]) == [1, 2, 3, 4, 5, 6]
    assert set(values["step/gradient_norm"].values()) == {3.0}
    assert values["step/learning_rate"][6] == pytest.approx(0.05)
    assert 0 <= values["step/accuracy"][6] <= 1
    assert values["step/examples_per_second"][5] > 0
    # Tokens and examples of step 5 (rows 4 to 7) were timed by the same clock.
    tokens = tiny_training.features()["padding_mask"][4:8].sum()
    ratio = values["step/tokens_per_second"][5] / values["step/examples_per_second"][5]
    assert ratio == pytest.approx(tokens / 4, rel=1e-5)


def test_step_loss_is_of_the_steps_since_the_last_point(tmp_path):
    """With rate 0 each step's loss is that of its own rows."""
    model = tiny_training.model(optimizer=keras.optimizers.SGD(0.0))
    fit(tmp_path, model=model, update_freq=2, epochs=1)
    first_two = tiny_training.dataset().take(2)
    expected = model.evaluate(first_two, verbose=0, return_dict=True)["loss"]
    assert scalars(tmp_path / "train")["step/loss"] == {2: pytest.approx(expected, rel=1e-5)}


def test_curves_by_epoch_equal_the_history(tmp_path):
    _, history = fit(tmp_path, epochs=3)
    for folder, prefix in (("train", ""), ("validation", "val_")):
        values = scalars(tmp_path / folder)
        for name in ("loss", "accuracy"):
            written = list(values[f"epoch_{name}"].values())
            assert written == pytest.approx(history[f"{prefix}{name}"], rel=1e-6)
    train = scalars(tmp_path / "train")
    assert list(train["epoch_tokens_per_second"]) == [0, 1, 2]
    assert train["epoch_learning_rate"][0] == pytest.approx(0.05)
    assert not [name for name in history if "second" in name]  # the user's logs are not touched


def test_steps_go_on_after_a_resume(tmp_path):
    model, _ = fit(tmp_path / "a", epochs=1, update_freq="batch")
    fit(tmp_path / "b", model=model, epochs=1, update_freq="batch")
    assert list(scalars(tmp_path / "b" / "train")["step/loss"]) == [4, 5, 6]


def test_no_step_curves_when_by_epoch(tmp_path):
    fit(tmp_path, update_freq="epoch")
    assert not [tag for tag in scalars(tmp_path / "train") if tag.startswith("step/")]


@pytest.mark.parametrize(
    "labels",
    [tiny_training.LABELS, multi_label(["a", "b", "c"]), regression("x", "y")],
    ids=["single", "multi", "regression"],
)
def test_image_and_texts_of_each_epoch(tmp_path, labels):
    texts = [f"row {row} | <script>alert(1)</script>" for row in range(12)]
    fit(tmp_path, problem=labels, validation_data=tiny_training.dataset(labels), texts=texts)
    written = events(tmp_path / "validation")
    images = written.Tensors("predictions")
    assert [image.step for image in images] == [0, 1]
    width, height, png = tf.make_ndarray(images[0].tensor_proto)[:3]
    picture = tf.image.decode_png(png).numpy()
    assert picture.shape == (int(height), int(width), 4)
    assert picture.std() > 5  # something is drawn
    table = tf.make_ndarray(written.Tensors("samples")[0].tensor_proto).item().decode()
    assert table.count("\n") == 13  # head, rule, 12 rows
    assert "row 11 \\|" in table
    assert "<script>" not in table


def test_sixteen_texts_are_spread_over_the_split(tmp_path):
    data = tiny_training.dataset(rows=40)
    model = tiny_training.model()
    callback = TensorBoard(tmp_path, validation_data=data, texts=[f"text{row}." for row in range(40)])
    model.fit(data, shuffle=False, verbose=0, callbacks=[callback])
    table = tf.make_ndarray(events(tmp_path / "validation").Tensors("samples")[0].tensor_proto).item().decode()
    assert table.count("\n") == 17
    assert "text0." in table
    assert "text39." in table


def test_hyper_parameters_and_final_values(tmp_path):
    _, history = fit(tmp_path, hyper_parameters={"max_length": 128, "columns": ["text", "label"]})
    written = events(tmp_path)
    content = written.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    values = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert values["max_length"].number_value == 128
    assert values["columns"].string_value == "['text', 'label']"
    assert values["optimizer"].string_value == "Adam"
    assert values["learning_rate"].number_value == pytest.approx(0.05)
    assert values["epochs"].number_value == 2
    assert scalars(tmp_path)["final/val_loss"][0] == pytest.approx(history["val_loss"][-1], rel=1e-6)


def test_schedules_are_written_out():
    schedule = keras.optimizers.schedules.PolynomialDecay(1e-3, 100)
    model = tiny_training.model(optimizer=keras.optimizers.AdamW(schedule, weight_decay=0.01))
    values = _hyper_parameters(model, {"epochs": 3, "steps": 7})
    assert values["learning_rate_schedule"] == "PolynomialDecay"
    assert values["learning_rate_initial_learning_rate"] == pytest.approx(1e-3)
    assert (values["weight_decay"], values["epochs"], values["steps"]) == (0.01, 3, 7)


def test_training_is_the_same_with_and_without(tmp_path):
    plain = tiny_training.model()
    data = tiny_training.dataset()
    plain.fit(data, validation_data=data, epochs=2, shuffle=False, verbose=0)
    watched, _ = fit(tmp_path, update_freq=1, validation_data=data)
    for expected, received in zip(plain.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, received)


def test_keras_own_options_still_work(tmp_path):
    fit(tmp_path, histogram_freq=1)
    tags = events(tmp_path / "train").Tags()["tensors"]
    assert "logits/kernel/histogram" in tags


@pytest.mark.parametrize("update_freq", [0, -1, "often", 2.5])
def test_wrong_update_freq(update_freq):
    with pytest.raises(KerasftError, match=rf"`update_freq` must be .*received: {update_freq!r}"):
        TensorBoard("logs", update_freq=update_freq)


def test_wrong_texts(tmp_path):
    with pytest.raises(KerasftError, match="`validation_data` must be given when `texts` is; received: None"):
        TensorBoard(tmp_path, texts=["a"])
    with pytest.raises(KerasftError, match="`texts` must be 12 texts, one for each row; received: 1"):
        fit(tmp_path, validation_data=tiny_training.dataset(), texts=["a"])


def test_labels_are_needed_for_the_image(tmp_path):
    model = tiny_training.model()
    model.labels = None
    with pytest.raises(KerasftError, match=r"`labels` must be .*received: None"):
        fit(tmp_path, model=model, validation_data=tiny_training.dataset())
    fit(tmp_path, model=model, validation_data=tiny_training.dataset(), labels=["no", "yes"])


def test_under_a_strategy(tmp_path):
    """There the optimizer's variables are mirrored ones."""
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = tiny_training.model(optimizer=SGD(0.05), eager=False)
    fit(tmp_path, model=model, update_freq=1, validation_data=tiny_training.dataset())
    values = scalars(tmp_path / "train")
    assert list(values["step/loss"]) == [1, 2, 3, 4, 5, 6]
    assert set(values["step/gradient_norm"].values()) == {3.0}
    assert "predictions" in events(tmp_path / "validation").Tags()["tensors"]
