import numpy as np
import pytest
import tensorflow as tf

from kerasft.callbacks.predictions import describe, describe_gold, labels_of, predict
from kerasft.errors import KerasftError
from kerasft.features import Labels, multi_label, regression
from tests.callbacks import tiny_training


def test_logits_and_truth_are_in_the_same_order():
    model = tiny_training.model()
    logits, gold = predict(model, tiny_training.dataset(batch_size=5))
    np.testing.assert_allclose(logits, model.predict(tiny_training.features(), verbose=0), rtol=1e-6)
    np.testing.assert_array_equal(gold, tiny_training.targets())


def test_sample_weights_are_passed_over():
    data = tiny_training.dataset().map(lambda x, y: (x, y, tf.zeros_like(y, "float32")))
    assert len(predict(tiny_training.model(), data)[1]) == 12


def test_a_shuffled_dataset_is_refused():
    data = tiny_training.dataset(rows=40, batch_size=1).shuffle(40, seed=0)
    with pytest.raises(KerasftError, match=r"`dataset` must be in a fixed order.*received: 'a shuffled dataset'"):
        predict(tiny_training.model(), data)


def test_a_dataset_without_truth_or_rows_is_refused():
    data = tiny_training.dataset()
    with pytest.raises(KerasftError, match=r"batches of \(features, y\); received: .*token_ids"):
        predict(tiny_training.model(), data.map(lambda x, y: x))
    with pytest.raises(KerasftError, match="`dataset` must be at least one batch; received: 'an empty dataset'"):
        predict(tiny_training.model(), data.take(0))


def test_labels_come_from_the_model_or_the_call():
    model = tiny_training.model()
    assert labels_of(model) == ["negative", "positive"]
    assert labels_of(model, ["a", "b"]) == ["a", "b"]
    model.labels = None
    with pytest.raises(KerasftError, match=r"`labels` must be .*received: None"):
        labels_of(model)


def test_words():
    logits = np.array([[2.0, -2.0], [-1.0, -1.0]])
    assert describe(logits, Labels(["no", "yes"])) == ["no (98 %)", "no (50 %)"]
    assert describe(logits, Labels(["no", "yes"]), with_chance=False) == ["no", "no"]
    assert describe(logits, multi_label(["a", "b"])) == ["a", "(none)"]
    assert describe(logits, regression("x", "y"))[0] == "x 2.000, y -2.000"
    assert describe(logits[:, :1], regression("x")) == ["2.000", "-1.000"]
    assert describe_gold(np.array([[1.0, 1.0], [0.0, 0.0]]), multi_label(["a", "b"])) == ["a, b", "(none)"]
    assert describe_gold(np.array([1.5]), regression("x")) == ["1.500"]
