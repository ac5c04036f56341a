import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from kerasft.callbacks import Evaluation, TensorBoard, Throughput
from kerasft.callbacks.board_contents import gradient_norms
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
    assert list(values["step/examples_per_second"]) == [2, 3, 4, 5, 6]  # the first step compiled the graph
    assert min(values["step/examples_per_second"].values()) > 0
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
    assert not [name for name in history if "second" in name]  # the user's logs are not touched


def test_steps_go_on_after_a_resume(tmp_path):
    model, _ = fit(tmp_path / "a", epochs=1, update_freq="batch")
    fit(tmp_path / "b", model=model, epochs=1, update_freq="batch")
    assert list(scalars(tmp_path / "b" / "train")["step/loss"]) == [4, 5, 6]


def steps_of(folder, *, rows=12, epochs=2, **options):
    """The steps at which `step/loss` has a point; a step has 4 rows."""
    model, data = tiny_training.model(), tiny_training.dataset(rows=rows)
    callback = TensorBoard(folder, **options)
    model.fit(data, validation_data=data, epochs=epochs, shuffle=False, verbose=0, callbacks=[callback])
    values = scalars(folder / "train")
    assert list(values["step/learning_rate"]) == list(values["step/loss"])
    return list(values["step/loss"])


@pytest.mark.parametrize(
    ("rows", "epochs", "expected"),
    [(4, 3, [1, 2, 3]), (12, 2, [1, 2, 3, 4, 5, 6])],
    ids=["one step an epoch", "three steps an epoch"],
)
def test_short_runs_have_curves_by_step_too(tmp_path, rows, epochs, expected):
    assert steps_of(tmp_path, rows=rows, epochs=epochs) == expected


def test_a_point_in_20_steps_where_there_are_many(tmp_path):
    callback = TensorBoard(tmp_path)
    callback.set_model(tiny_training.model())
    for steps, epochs, every in ((50, 100, 20), (39, 100, 19), (40, 3, 2), (400, 3, 20), (400, 1, 8), (None, 3, 20)):
        callback.set_params({"steps": steps, "epochs": epochs})
        callback.on_train_begin()
        assert callback._every == every
        callback.on_train_end()


@pytest.mark.parametrize(
    ("update_freq", "expected"),
    [(2, [2, 4, 6, 8, 10]), (4, [4, 8]), (20, [5, 10]), (7, [5, 7])],
)
def test_a_given_number_counts_the_steps_of_the_run_and_leaves_no_epoch_out(tmp_path, update_freq, expected):
    assert steps_of(tmp_path, rows=20, update_freq=update_freq) == expected


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # by which Keras learns the length
def test_an_epoch_of_unknown_length_has_its_point(tmp_path):
    model, data = tiny_training.model(), tiny_training.dataset(rows=20).filter(lambda features, y: True)
    model.fit(data, epochs=2, shuffle=False, verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert list(scalars(tmp_path / "train")["step/loss"]) == [5, 10]


def test_steps_are_batches_when_gradients_are_accumulated(tmp_path):
    make = lambda: keras.optimizers.SGD(0.05, gradient_accumulation_steps=2)  # noqa: E731
    model, _ = fit(tmp_path / "a", model=tiny_training.model(optimizer=make()), update_freq=1)
    assert list(scalars(tmp_path / "a" / "train")["step/loss"]) == [1, 2, 3, 4, 5, 6]
    fit(tmp_path / "b", model=model, epochs=1, update_freq=1)
    assert list(scalars(tmp_path / "b" / "train")["step/loss"]) == [7, 8, 9]


def test_several_steps_in_one_execution(tmp_path):
    model, data = tiny_training.model(eager=False), tiny_training.dataset(rows=40)
    model.steps_per_execution = 3
    model.fit(data, epochs=1, shuffle=False, verbose=0, callbacks=[TensorBoard(tmp_path, update_freq=3)])
    assert list(scalars(tmp_path / "train")["step/loss"]) == [3, 6, 9]


def test_no_step_curves_when_by_epoch(tmp_path):
    fit(tmp_path, update_freq="epoch")
    values = scalars(tmp_path / "train")
    assert not [tag for tag in values if tag.startswith("step/")]
    assert values["epoch_learning_rate"][0] == pytest.approx(0.05)


def series(folder):
    """Every curve under the run's folder, by folder and tag."""
    folders = ["", "train", "validation"]
    return {(name, tag): points for name in folders for tag, points in scalars(folder / name).items()}


@pytest.mark.parametrize("labels", [tiny_training.LABELS, regression("x", "y")], ids=["classes", "regression"])
def test_no_number_stands_under_two_tags(tmp_path, labels):
    """Also with a callback that puts the rates into the logs, and with one that adds metrics."""
    model, data = tiny_training.model(labels), tiny_training.dataset(labels)
    metrics = ["mse"] if model.labels.problem == "regression" else ["accuracy"]
    model.compile(keras.optimizers.SGD(0.01), loss=model.loss, metrics=metrics, run_eagerly=True)
    watch = [Throughput(), Evaluation(lambda: {"f1": 0.25}), TensorBoard(tmp_path)]
    model.fit(data, validation_data=data, epochs=2, shuffle=False, verbose=0, callbacks=watch)
    found = series(tmp_path)
    per_epoch = {"examples_per_second", "tokens_per_second", "loss", *(set(metrics) - {"mse"})}
    assert {tag for folder, tag in found if tag.startswith("epoch_") and folder == "train"} == {
        f"epoch_{name}" for name in per_epoch
    }
    assert {tag for folder, tag in found if folder == "validation"} == {
        f"epoch_{name}" for name in {"f1", "loss", *metrics} - {"mse"}
    }
    assert not [tag for _, tag in found if "final" in tag or "evaluation" in tag or "mse" in tag]
    values = [tuple(points.values()) for points in found.values()]
    assert len(values) == len(set(values))


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


def test_hyper_parameters(tmp_path):
    fit(tmp_path, hyper_parameters={"max_length": 128, "columns": ["text", "label"]})
    written = events(tmp_path)
    content = written.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    values = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert values["max_length"].number_value == 128
    assert values["columns"].string_value == "['text', 'label']"
    assert values["optimizer"].string_value == "Adam"
    assert values["learning_rate"].number_value == pytest.approx(0.05)
    assert values["epochs"].number_value == 2
    assert scalars(tmp_path) == {}  # the last values are those of the curves


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
    with pytest.raises(KerasftError, match="`texts` must be 12 texts, one per row; received: 1"):
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


def test_norms_of_weights_and_gradients_by_layer(tmp_path):
    model, _ = fit(tmp_path, model=tiny_training.model(optimizer=keras.optimizers.Adam(0.01, beta_2=0.5)))
    values = scalars(tmp_path / "train")
    kernel, bias = model.get_layer("logits").get_weights()
    assert values["norms_of_weights/logits"][1] == pytest.approx(np.sqrt(np.sum(kernel**2) + np.sum(bias**2)), rel=1e-5)
    assert any(name.startswith("norms_of_weights/embedding") for name in values)
    assert values["norms_of_gradients/logits"].keys() == {0, 1}
    assert 0 < values["norms_of_gradients/logits"][1] < 10


def test_the_gradient_norm_is_exact_for_a_constant_gradient():
    weight = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="dense")
    model = keras.Sequential([keras.Input((2,)), weight])
    model.compile(keras.optimizers.Adam(1e-9), lambda y, z: keras.ops.sum(z), run_eagerly=True)  # gradient (3, 4)
    model.fit(np.array([[3.0, 4.0]]), np.zeros((1, 1)), epochs=3, verbose=0)
    assert gradient_norms(model)["dense"] == pytest.approx(5.0, rel=1e-5)


def test_curves_changes_and_embeddings(tmp_path):
    texts = [f"text {row}" for row in range(12)]
    data = tiny_training.dataset(tiny_training.LABELS)
    fit(tmp_path, validation_data=data, texts=texts, embeddings=True, epochs=3)
    accumulator = events(tmp_path / "validation")
    assert accumulator.SummaryMetadata("precision_recall/positive").plugin_data.plugin_name == "pr_curves"
    curve = tf.make_ndarray(accumulator.Tensors("precision_recall/positive")[-1].tensor_proto)  # (6, thresholds)
    assert curve[:4].sum(axis=0).tolist() == [12.0] * curve.shape[1]
    assert curve[5][0] == 1.0  # everything is chosen at threshold 0
    changes = tf.make_ndarray(accumulator.Tensors("changed_predictions")[0].tensor_proto)
    assert np.size(changes) == 1
    vectors = np.loadtxt(tmp_path / "embeddings.tsv", delimiter="\t")
    assert vectors.shape == (12, 4)
    lines = (tmp_path / "embeddings_texts.tsv").read_text("utf-8").splitlines()
    assert lines[:2] == ["text\tlabel", "text 0\tnegative"]
    assert "embeddings.tsv" in (tmp_path / "projector_config.pbtxt").read_text()


def test_embeddings_need_texts(tmp_path):
    with pytest.raises(KerasftError, match=r"`texts` must be given with embeddings=True"):
        TensorBoard(tmp_path, embeddings=True)
