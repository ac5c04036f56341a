"""The relation head: what it pools, every family, files, mixed precision, wrong arguments."""

import keras
import numpy as np
import pytest

from kerasft import KerasftError
from kerasft.heads import EntityStates, relation_classifier
from tests import tiny
from tests.heads.keras_hub_encoders import KERAS_HUB

MARKERS = [26, 27, 28, 29]  # the last ids of the tiny encoders' vocabulary
RELATIONS = ["works_for", "lives_in", "no_relation"]
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def marked_batch(model):
    batch = tiny.batch_of(model, length=9)
    batch["token_ids"] = np.where(batch["token_ids"] >= MARKERS[0], 5, batch["token_ids"])
    batch["token_ids"][:, [0, 1, 3, 4]] = MARKERS
    batch["token_ids"][1, [0, 1, 3, 4]] = MARKERS[2:] + MARKERS[:2]  # the tail may come first
    return batch


def states(length=8, seed=0):
    return np.random.default_rng(seed).normal(size=(1, length, 3)).astype("float32")


@pytest.mark.parametrize("ids", [[7, 26, 8, 9, 27, 28, 6, 29], [28, 6, 29, 7, 26, 8, 9, 27]])
def test_the_markers_are_found_wherever_they_are(ids):
    hidden, place = states(), {token: index for index, token in enumerate(ids)}
    found = EntityStates(MARKERS)(hidden, np.array([ids])).numpy()[0]
    np.testing.assert_array_equal(found, np.concatenate([hidden[0, place[26]], hidden[0, place[28]]]))
    found = EntityStates(MARKERS, pooling="mean")(hidden, np.array([ids])).numpy()[0]
    np.testing.assert_allclose(found[:3], (hidden[0, place[8]] + hidden[0, place[9]]) / 2, rtol=1e-6)
    np.testing.assert_allclose(found[3:], hidden[0, place[6]], rtol=1e-6)


def test_markers_inside_the_other_entity_are_no_words():
    hidden = states()  # [E1] a [E2] b [/E2] [/E1] c c
    found = EntityStates(MARKERS, pooling="mean")(hidden, np.array([[26, 7, 28, 8, 29, 27, 9, 9]])).numpy()[0]
    np.testing.assert_allclose(found[:3], (hidden[0, 1] + hidden[0, 3]) / 2, rtol=1e-6)
    np.testing.assert_allclose(found[3:], hidden[0, 3], rtol=1e-6)


@pytest.mark.parametrize("pooling", ["start", "mean"])
def test_missing_and_repeated_markers(pooling):
    layer, hidden = EntityStates(MARKERS, pooling=pooling), states(4)
    assert not layer(hidden, np.array([[7, 8, 9, 9]])).numpy().any()
    twice = layer(hidden, np.array([[26, 7, 26, 7]])).numpy()[0, :3]
    expected = {"start": (hidden[0, 0] + hidden[0, 2]) / 2, "mean": (hidden[0, 1] + hidden[0, 3]) / 2}[pooling]
    np.testing.assert_allclose(twice, expected, rtol=1e-6)


@pytest.mark.parametrize("family", [*tiny.ENCODERS, *KERAS_HUB])
def test_every_family_trains_saves_and_loads(family, tmp_path):
    backbone = tiny.encoder(family) if family in tiny.ENCODERS else KERAS_HUB[family]()
    model = relation_classifier(backbone, RELATIONS, markers=MARKERS)
    batch = marked_batch(model)
    assert model(batch).shape == (3, 3)
    before = model.get_layer("logits").kernel.numpy()
    model.compile(keras.optimizers.SGD(1.0), LOSS, run_eagerly=True)  # compiling would take seconds
    model.fit(batch, np.array([0, 1, 2]), epochs=1, verbose=0)
    assert not np.array_equal(before, model.get_layer("logits").kernel)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert (loaded.name, list(loaded.labels)) == ("relation_classifier", RELATIONS)
    assert loaded.get_layer("entity_states").markers == MARKERS
    np.testing.assert_array_equal(loaded(batch), model(batch))


def test_padding_changes_nothing_and_logits_are_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = relation_classifier(tiny.encoder("bert"), RELATIONS, markers=MARKERS, pooling="mean")
        assert model(marked_batch(model)).dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")
    model = relation_classifier(tiny.encoder("bert"), RELATIONS, markers=MARKERS)
    batch = marked_batch(model)
    alone = model({name: value[1:2, :7] for name, value in batch.items()})
    np.testing.assert_allclose(alone[0], model(batch)[1], atol=1e-5)


def test_wrong_arguments():
    backbone = tiny.encoder("bert")
    with pytest.raises(KerasftError, match=r"`markers` must be four different ids; received: \[1, 2, 3\]"):
        relation_classifier(backbone, RELATIONS, markers=[1, 2, 3])
    with pytest.raises(KerasftError, match=r"`pooling` must be one of .*received: 'cls'"):
        relation_classifier(backbone, RELATIONS, markers=MARKERS, pooling="cls")
    with pytest.raises(KerasftError, match=r"`dropout` must be a rate in \[0, 1\); received: 1"):
        relation_classifier(backbone, RELATIONS, markers=MARKERS, dropout=1)
