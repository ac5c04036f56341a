"""Models with a head of the user's: what is accepted, and what is said of what is not."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasft
from kerasft.errors import KerasftError
from kerasft.heads.own_model import checked_fixed_length, fixed_length, lambdas_of
from kerasft.heads.own_model import own_model as own_model_of_head
from kerasft.tasks import TASKS
from tests import tiny
from tests.heads.own_heads import HEADS, TAGS, classifier_ending_in, own

LABELS = ["no", "yes"]


def own_model(model, task, labels=None):
    return own_model_of_head(model, TASKS[task].own_head, labels)


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


def features(model, texts=("a good film", "bad")):
    return {name: value for name, value in tiny.batch(list(texts)).items() if name in model.input}


@pytest.mark.parametrize("head", HEADS)
def test_the_outputs_stay_the_same_and_get_their_name(head):
    model, task, labels = own(head)
    wrapped = own_model(model, task, labels)
    before, after = model(features(model)), wrapped(features(model))
    if isinstance(before, dict):
        before = np.concatenate([before["start_logits"], before["end_logits"]], -1)
    np.testing.assert_allclose(after, before, atol=1e-6)
    assert wrapped.output_names == ["embedding" if task == "sentence-embedding" else "logits"]
    assert wrapped.bundle_task == task
    assert getattr(wrapped, "labels", None) == labels


def test_nested_models_are_put_into_the_graph():
    model, task, labels = own("classes", "BertBackbone", nested=True)
    wrapped = own_model(model, task, labels)
    assert not any(isinstance(layer, keras.Model) for layer in wrapped.layers)
    np.testing.assert_allclose(wrapped(features(model)), model(features(model)), atol=1e-6)


def test_layers_are_shared_so_further_training_counts():
    model, task, labels = own("classes")
    wrapped = own_model(model, task, labels)
    model.layers[-1].bias.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(wrapped(features(model)), model(features(model)), atol=1e-6)


@pytest.mark.parametrize(
    "outputs",
    [
        lambda state: layers.Dense(2, activation="softmax")(state),
        lambda state: layers.Dense(2, activation="softmax", name="logits")(state),
        lambda state: layers.Softmax(name="probability")(layers.Dense(2, name="logits")(state)),
        lambda state: layers.Activation("softmax")(layers.Dense(2)(state)),
        lambda state: keras.ops.softmax(layers.Dense(2)(state)),
        lambda state: keras.Sequential([layers.Dropout(0.1), layers.Dense(2, activation="softmax")])(state),
        lambda state: layers.Dense(2, activation="softmax", dtype="float64")(state),
    ],
)
def test_a_softmax_at_the_end_is_taken_off_and_said(outputs, caplog):
    model = classifier_ending_in(outputs)
    wrapped = own_model(model, "text-classification", LABELS)
    assert "ends in softmax: the model is saved without it" in caplog.text
    logits = wrapped(features(model)).numpy()
    assert logits.dtype == np.float32
    np.testing.assert_allclose(softmax(logits), model(features(model)), atol=1e-6)
    assert abs(logits.sum(-1) - 1).max() > 1e-3


def test_sigmoids_of_several_labels_are_taken_off(caplog):
    model = classifier_ending_in(layers.Dense(3, activation="sigmoid"))
    wrapped = own_model(model, "text-classification", kerasft.multi_label(["a", "b", "c"]))
    logits = wrapped(features(model)).numpy()
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), model(features(model)), atol=1e-6)
    assert "ends in sigmoid" in caplog.text


@pytest.mark.parametrize("use_bias", [True, False])
def test_one_sigmoid_for_two_classes_is_the_second_ones_probability(use_bias, caplog):
    model = classifier_ending_in(layers.Dense(1, activation="sigmoid", use_bias=use_bias, bias_initializer="ones"))
    wrapped = own_model(model, "text-classification", LABELS)
    probability = softmax(wrapped(features(model)).numpy())
    np.testing.assert_allclose(probability[:, 1:], model(features(model)), atol=1e-6)
    assert "its output is the probability of 'yes'" in caplog.text


def test_a_sigmoid_of_a_regression_stays():
    model = classifier_ending_in(layers.Dense(1, activation="sigmoid"))
    wrapped = own_model(model, "text-classification", kerasft.regression("score"))
    np.testing.assert_allclose(wrapped(features(model)), model(features(model)), atol=1e-6)


def test_start_and_end_are_told_apart_by_name_not_by_order():
    backbone = tiny.backbone()
    hidden = backbone.output["sequence_output"]
    end, start = (layers.Softmax(axis=1, name=name)(layers.Dense(1)(hidden)) for name in ("end", "start"))
    model = keras.Model(backbone.input, [end, start])
    wrapped = own_model(model, "question-answering")
    batch = features(model)
    logits, (end, start) = wrapped(batch).numpy(), model(batch)
    np.testing.assert_allclose(softmax(logits[:, :, 0]), start[:, :, 0], atol=1e-6)
    np.testing.assert_allclose(softmax(logits[:, :, 1]), end[:, :, 0], atol=1e-6)


def test_inputs_may_be_a_list_or_one_tensor_with_known_names():
    ids, mask = (keras.Input((None,), dtype="int32", name=name) for name in ("token_ids", "padding_mask"))
    hidden = layers.Embedding(200, 4)(ids)
    pooled = layers.GlobalAveragePooling1D()(hidden, mask=mask)
    wrapped = own_model(keras.Model([mask, ids], layers.Dense(2)(pooled)), "text-classification", LABELS)
    assert sorted(wrapped.input) == ["padding_mask", "token_ids"]
    one = own_model(keras.Model(ids, layers.Dense(2)(hidden[:, 0])), "text-classification", LABELS)
    assert list(one.input) == ["token_ids"]


def test_a_name_that_is_needed_is_taken_from_a_layer_that_has_it():
    model = classifier_ending_in(
        lambda state: layers.Dense(2)(layers.Dense(4, name="logits", bias_initializer="ones")(state))
    )
    wrapped = own_model(model, "text-classification", LABELS)
    np.testing.assert_allclose(wrapped(features(model)), model(features(model)), atol=1e-6)
    assert {"logits", "logits_of_head"} <= {layer.name for layer in wrapped.layers}


def test_mixed_precision_ends_in_float32():
    model = classifier_ending_in(layers.Dense(2, dtype="mixed_float16", name="logits"))
    wrapped = own_model(model, "text-classification", LABELS)
    assert wrapped.output_names == ["logits"]
    assert wrapped.output.dtype == "float32"


def test_the_fixed_length_of_a_models_inputs_is_found():
    assert fixed_length(own(length=16)[0]) == 16
    assert fixed_length(own()[0]) is None


class Subclass(keras.Model):
    def call(self, inputs):
        return inputs


def _of_inputs(*names, shape=(None,), **options):
    inputs = {name: keras.Input(shape, dtype="int32", name=name, **options) for name in names}
    hidden = layers.Embedding(200, 4)(next(iter(inputs.values())))
    total = sum(keras.ops.cast(each, "float32")[..., None] * 0 for each in inputs.values())
    return keras.Model(inputs, layers.Dense(2)((hidden + total)[:, 0]))


CASES = {
    "no labels": (own, "text-classification", None, "`labels` must be one name per output"),
    "doubled labels": (own, "text-classification", ["a", "b", "a"], "`labels` must be unique names"),
    "a dictionary": (own, "text-classification", {0: "a", 1: "b", 2: "c"}, r"list\(id2label.values\(\)\)"),
    "a number": (own, "text-classification", 3, "`labels` must be a list of names"),
    "a string": (own, "text-classification", "abc", "`labels` must be a list of names"),
    "too few labels": (
        own,
        "text-classification",
        LABELS,
        "`labels` must be 3, the number of the model's outputs; received: .2: ",
    ),
    "labels of spans": (lambda: own("spans"), "question-answering", LABELS, "`labels` must be omitted"),
    "tags without O": (lambda: own("tags"), "token-classification", ["A", "B", "C"], "`labels` must be tags: O, and"),
    "several tags": (lambda: own("tags"), "token-classification", kerasft.multi_label(TAGS), "single-label names"),
    "tokens for a text": (
        lambda: own("tags"),
        "text-classification",
        TAGS,
        r"outputs of shape \(batch, labels\).*Pool the tokens",
    ),
    "a text for tokens": (own, "token-classification", TAGS, r"outputs of shape \(batch, length, labels\).*all tokens"),
    "three for spans": (lambda: own("tags"), "question-answering", None, r"\(batch, length, 2\).*Dense\(2\)"),
    "a class for spans": (own, "question-answering", None, r"\(batch, length, 2\)"),
    "tokens for a vector": (lambda: own("spans"), "sentence-embedding", None, r"\(batch, dimensions\)"),
    "two outputs": (lambda: own("start_and_end"), "text-classification", LABELS, "a model with one output"),
    "one logit": (
        lambda: [classifier_ending_in(layers.Dense(1))],
        "text-classification",
        LABELS,
        r"`labels` must be 1, .*For two classes use Dense\(2\)",
    ),
    "sigmoids of one label": (
        lambda: [classifier_ending_in(layers.Dense(2, activation="sigmoid"))],
        "text-classification",
        LABELS,
        r"outputs logits, .*sigmoid in 'dense.*multi_label",
    ),
    "softmax of several": (
        lambda: [classifier_ending_in(layers.Dense(2, activation="softmax"))],
        "text-classification",
        kerasft.multi_label(LABELS),
        "outputs logits, .*softmax in 'dense",
    ),
    "Lambda": (
        lambda: [
            classifier_ending_in(lambda state: layers.Dense(2)(layers.Lambda(lambda x: x * 2, name="twice")(state)))
        ],
        "text-classification",
        LABELS,
        "without Lambda layers.*'twice'.*keras.ops",
    ),
    "a subclass": (
        lambda: [Subclass()],
        "text-classification",
        LABELS,
        r"a functional keras.Model; received: .Subclass",
    ),
    "no model": (lambda: ["model"], "text-classification", LABELS, "a functional keras.Model; received: .str"),
    "Hugging Face's names": (
        lambda: [_of_inputs("input_ids", "attention_mask")],
        "text-classification",
        LABELS,
        "token_ids, padding_mask and segment_ids.*received: 'inputs input_ids, attention_mask'. Rename input_ids to token_ids",
    ),
    "unknown names": (lambda: [_of_inputs("ids")], "text-classification", LABELS, 'name="token_ids"'),
    "no token ids": (
        lambda: [_of_inputs("padding_mask")],
        "text-classification",
        LABELS,
        "received: 'inputs padding_mask'",
    ),
    "a batch size": (
        lambda: [_of_inputs("token_ids", shape=None, batch_shape=(1, 16))],
        "text-classification",
        LABELS,
        "without a batch size",
    ),
    "no length": (lambda: [_of_inputs("token_ids", shape=(4, 4))], "text-classification", LABELS, "one shape"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_refused_with_what_would(case):
    make, task, labels, message = CASES[case]
    with pytest.raises(KerasftError, match=message):
        own_model(make()[0], task, labels)


@pytest.mark.parametrize("task", ["sentiment", "masked-lm"])
def test_a_task_for_which_users_write_no_heads_is_refused(task):
    expected = f"`task` must be one of {', '.join(name for name in TASKS if TASKS[name].own_head)}; received: '{task}'"
    with pytest.raises(KerasftError, match=expected):
        kerasft.make_bundle(own()[0], tiny.tokenizer(), task=task, labels=LABELS)


def test_another_length_than_the_fixed_one_is_refused():
    model = own(length=16)[0]
    for length in (None, 16, (16,), [16]):
        assert checked_fixed_length(model, length, name="max_length") == 16
    with pytest.raises(
        KerasftError, match="`max_length` must be 16, the fixed length of the model's inputs; received: 8"
    ):
        checked_fixed_length(model, 8, name="max_length")
    assert checked_fixed_length(own()[0], 8, name="max_length") is None
    assert checked_fixed_length(None, 8, name="max_length") is None


def test_lambdas_are_found_wherever_they_are():
    inputs = keras.Input((3,))
    inner = keras.Sequential([inputs, layers.Lambda(lambda x: x * 2, name="twice")], name="inner")
    assert lambdas_of(keras.Model(inputs, inner(inputs))) == ["inner/twice"]
    assert lambdas_of(own()[0]) == []
