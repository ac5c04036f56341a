"""`compile` of the heads' models: losses and metrics that take logits for probabilities."""

import functools

import keras
import numpy as np
import pytest

import kerasft
from kerasft import KerasftError, heads, multi_label
from kerasft.heads.logits_model import expects_probabilities
from tests import tiny, tiny_t5


def name_of(value):
    """A test's name: `str` of an object would hold its address, which differs between the processes of pytest-xdist."""
    return value if isinstance(value, str) else getattr(value, "__name__", type(value).__name__)


class OwnCrossentropy(keras.losses.SparseCategoricalCrossentropy):
    def __init__(self, name="own"):
        super().__init__(name=name)


PROBABILITIES = [
    OwnCrossentropy(),
    "sparse_categorical_crossentropy",
    "SparseCategoricalCrossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
    "bce",
    "kld",
    "poisson",
    "categorical_focal_crossentropy",
    keras.losses.sparse_categorical_crossentropy,
    keras.losses.SparseCategoricalCrossentropy,
    keras.losses.SparseCategoricalCrossentropy(),
    keras.losses.CategoricalCrossentropy(),
    keras.losses.BinaryCrossentropy(),
    keras.losses.BinaryFocalCrossentropy(),
    keras.losses.KLDivergence(),
    {"class_name": "BinaryCrossentropy", "config": {}},
    functools.partial(keras.losses.binary_crossentropy, label_smoothing=0.1),
]
LOGITS = [
    None,
    "mse",
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    keras.losses.BinaryCrossentropy(from_logits=True),
    functools.partial(keras.losses.binary_crossentropy, from_logits=True),
    kerasft.losses.SparseCategoricalCrossentropy(),
    lambda y, y_pred: keras.ops.mean(y_pred),
    {"class_name": "BinaryCrossentropy", "config": {"from_logits": True}},
]


@pytest.fixture(scope="module")
def model():
    return tiny.classifier()


@pytest.mark.parametrize("loss", PROBABILITIES, ids=name_of)
def test_a_loss_of_probabilities_is_refused(model, loss):
    with pytest.raises(
        KerasftError, match=r"(?i)received: .*(crossentropy|bce|kl|poisson|partial).*for_labels"
    ) as error:
        model.compile("adam", loss)
    assert "from_logits=True" in str(error.value)
    with pytest.raises(KerasftError, match="logits"):
        model.compile(loss=[loss])
    with pytest.raises(KerasftError, match="logits"):
        model.compile(loss={"logits": loss})


@pytest.mark.parametrize("loss", LOGITS, ids=name_of)
def test_a_loss_of_logits_is_taken(model, loss):
    model.compile("adam", loss)
    assert model.compiled


def test_a_loss_that_is_not_known_is_left_to_keras(model):
    class Own(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return y_pred

    model.compile("adam", Own())
    assert not expects_probabilities(Own())
    with pytest.raises(ValueError, match="Could not interpret"):
        model.compile("adam", "no_such_loss")


HEADS = {
    "text_classifier": tiny.classifier,
    "token_classifier": lambda: heads.token_classifier(tiny.backbone(), ["O", "B-PER"]),
    "masked_lm": lambda: heads.masked_lm(tiny.backbone()),
    "question_answering": lambda: heads.question_answering(tiny.backbone()),
    "relation_classifier": lambda: heads.relation_classifier(tiny.backbone(), ["a", "b"], markers=[5, 6, 7, 8]),
    "intent_and_slots": lambda: heads.intent_and_slots(tiny.backbone(), ["pay", "lost"], ["O", "B-card"]),
    "sequence_to_sequence": tiny_t5.model,
    "causal_lm": lambda: heads.causal_lm(kerasft.backbones.gpt2(_gpt2())),
}


def _gpt2():
    return kerasft.backbones.GPT2Config(
        vocabulary_size=40, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16, max_sequence_length=16
    )


@pytest.mark.parametrize("head", HEADS)
def test_every_head_refuses_keras_commonest_line(head):
    model = HEADS[head]()
    assert model.name == head
    loss = "sparse_categorical_crossentropy"
    if head == "intent_and_slots":
        loss = {"intent_logits": loss, "slot_logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    with pytest.raises(KerasftError, match="sparse_categorical_crossentropy"):
        model.compile("adam", loss)


def test_the_message_names_the_loss_of_the_task():
    with pytest.raises(KerasftError, match=r"SpanCrossentropy\(\)"):
        HEADS["question_answering"]().compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(KerasftError, match=r"kerasft.losses.SparseCategoricalCrossentropy\(\)"):
        HEADS["masked_lm"]().compile("adam", "sparse_categorical_crossentropy")


def test_a_compiled_model_is_saved_and_loaded_with_its_optimizer_and_still_checks(tmp_path):
    model = tiny.classifier()
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        run_eagerly=True,
    )
    batch = tiny.batch(["good film", "bad"])
    model.train_on_batch(batch, np.array([0, 1]))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, heads.LogitsModel)
    assert int(loaded.optimizer.iterations) == 1
    assert loaded.evaluate(batch, np.array([0, 1]), verbose=0) == model.evaluate(batch, np.array([0, 1]), verbose=0)
    with pytest.raises(KerasftError, match="bce"):
        loaded.compile("adam", "bce")


def test_a_file_that_was_compiled_with_such_a_loss_is_loaded_with_a_warning(tmp_path):
    model = tiny.classifier()
    keras.Model.compile(model, "adam", "sparse_categorical_crossentropy")
    model.save(tmp_path / "model.keras")
    with pytest.warns(UserWarning, match="not compiled: `loss` must be a loss on logits"):
        loaded = keras.models.load_model(tmp_path / "model.keras")
    assert getattr(loaded, "loss", None) is None


@pytest.mark.parametrize(
    "metric",
    [
        *(
            "AUC",
            keras.metrics.AUC(),
            keras.metrics.BinaryAccuracy(),
            keras.metrics.Precision(),
            "ce",
            "binary_accuracy",
        ),
        *(keras.metrics.PrecisionAtRecall(0.5), keras.metrics.SensitivityAtSpecificity(0.5)),
        *(keras.metrics.F1Score(threshold=0.5), keras.metrics.BinaryIoU()),
    ],
    ids=name_of,
)
def test_a_metric_of_probabilities_is_warned_of(model, metric):
    with pytest.warns(UserWarning, match=r"expects probabilities.*for_labels"):
        model.compile("adam", "mse", metrics=[metric])
    with pytest.warns(UserWarning, match="expects probabilities"):
        model.compile("adam", "mse", weighted_metrics={"logits": [metric]})


def test_keras_accuracy_is_warned_of_where_several_labels_can_hold(recwarn):
    tiny.classifier().compile("adam", "mse", metrics=["accuracy"])
    assert not recwarn
    with pytest.warns(UserWarning, match="accuracy expects probabilities"):
        tiny.classifier(multi_label(["a", "b"])).compile("adam", "mse", metrics=["accuracy"])


@pytest.mark.parametrize("labels", [["a", "b"], multi_label(["a", "b"]), kerasft.regression("score")])
def test_our_own_metrics_and_thresholds_of_logits_are_not_warned_of(labels, recwarn):
    model = tiny.classifier(labels)
    more = [keras.metrics.AUC(from_logits=True), keras.metrics.Recall(thresholds=0.0), keras.metrics.F1Score(name="f")]
    model.compile(loss=kerasft.losses.for_labels(model.labels), metrics=kerasft.metrics.for_labels(model.labels) + more)
    assert not recwarn
