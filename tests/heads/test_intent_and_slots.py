"""The head with two outputs."""

import keras
import numpy as np
import pytest

import kerasft
from kerasft import KerasftError
from kerasft.heads import intent_and_slots
from tests import tiny
from tests.heads.keras_hub_encoders import KERAS_HUB

INTENTS, SLOTS = ["pay", "lost"], ["O", "B-card", "I-card"]


def check_trains_saves_and_loads(model, folder):
    batch = tiny.batch_of(model)
    outputs = model(batch)
    shapes = {name: tuple(value.shape) for name, value in outputs.items()}
    assert shapes == {"intent_logits": (3, 2), "slot_logits": (3, 7, 3)}
    assert all(value.dtype == "float32" for value in outputs.values())
    before = [variable.numpy() for variable in model.trainable_variables]
    loss = kerasft.losses.SparseCategoricalCrossentropy
    model.compile(keras.optimizers.SGD(1.0), {name: loss() for name in outputs}, run_eagerly=True)
    y = {"intent_logits": np.array([0, 1, 1]), "slot_logits": np.random.default_rng(0).integers(0, 3, (3, 7))}
    weights = {"intent_logits": np.ones(3), "slot_logits": batch["padding_mask"].astype("float32")}
    model.fit(batch, y, sample_weight=weights, epochs=1, verbose=0)
    still = [v.path for old, v in zip(before, model.trainable_variables, strict=True) if np.array_equal(old, v)]
    assert not still, still
    model.save(folder / "model.keras")
    loaded = keras.models.load_model(folder / "model.keras")
    for name, value in model(batch).items():
        np.testing.assert_array_equal(loaded(batch)[name], value)
    assert (list(loaded.labels), list(loaded.intents), loaded.name) == (SLOTS, INTENTS, "intent_and_slots")


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_every_family_trains_saves_and_loads(family, tmp_path):
    check_trains_saves_and_loads(intent_and_slots(tiny.encoder(family), INTENTS, SLOTS), tmp_path)


@pytest.mark.parametrize("family", KERAS_HUB)
def test_keras_hub_backbones_train_save_and_load(family, tmp_path):
    check_trains_saves_and_loads(intent_and_slots(KERAS_HUB[family](), INTENTS, SLOTS), tmp_path)


def test_layer_names_are_part_of_the_file_format():
    model = intent_and_slots(tiny.encoder("distilbert"), INTENTS, SLOTS, dropout=0.3)
    names = [layer.name for layer in model.layers]
    assert {"intent_logits", "slot_logits", "intent_dropout", "slot_dropout"} < set(names)
    assert model.get_layer("slot_dropout").rate == model.get_layer("intent_dropout").rate == 0.3


def test_wrong_arguments():
    with pytest.raises(KerasftError, match=r"`dropout` must be a rate in \[0, 1\); received: 1"):
        intent_and_slots(tiny.encoder("bert"), INTENTS, SLOTS, dropout=1)
    with pytest.raises(KerasftError, match=r"`labels` must be two or more classes; received: \['pay'\]"):
        intent_and_slots(tiny.encoder("bert"), ["pay"], SLOTS)


def test_a_bundle_knows_the_intents():
    model = intent_and_slots(tiny.backbone(), INTENTS, SLOTS)
    bundle = kerasft.make_bundle(model, tiny.tokenizer(), max_length=16, settings={"stride": 4})
    assert bundle.settings == {"intents": INTENTS, "stride": 4}
    assert list(bundle.labels) == SLOTS
