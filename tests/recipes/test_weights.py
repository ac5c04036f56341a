"""LoRA and freezing in every recipe: what is trained, and what is refused before anything is loaded."""

import dataclasses

import keras
import numpy as np
import pytest

import kerasft
from kerasft import adapters
from kerasft.callbacks import best_checkpoint, load_best_weights, resume
from kerasft.cli.flags import read_options
from kerasft.errors import CheckpointError, KerasftError
from kerasft.recipes import text_classification
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import TrainingOptions
from kerasft.recipes.weights import limit_trainable, lora_layers, merged, trains_little
from tests import tiny
from tests.recipes import test_from_bundles as starts

bundles, files = starts.bundles, starts.files  # the fixtures
GIVEN = {"model": "bert-base-uncased", "train": "train.csv"}
HEADS = {
    "text-classification": {"logits"},
    "token-classification": {"logits"},
    "intent-and-slots": {"intent_logits", "slot_logits"},
    "question-answering": {"logits"},
    "relation-extraction": {"logits"},
    "masked-lm": {"masked_lm_dense", "masked_lm_layer_norm", "logits"},
    "sentence-embedding": set(),
    "few-shot": set(),  # its head is no part of what is trained by gradients
    "causal-lm": set(),
    "sequence-to-sequence": set(),
}
SOURCES = dict.fromkeys(HEADS, "sentence_embedding") | {
    "causal-lm": "causal_lm",
    "sequence-to-sequence": "sequence_to_sequence",
}


@pytest.fixture
def built(bundles, files, tmp_path, monkeypatch):
    """Run a recipe until it has limited what is trained; return the model."""

    def until_limited(task, **options):
        found, recipe = [], starts.recipe_of(task)

        def stop(options, model, backbone=None):
            limit_trainable(options, model, backbone)
            found.append(model)
            raise starts.Built

        monkeypatch.setattr(recipe, "limit_trainable", stop)
        source = bundles[SOURCES[task]]
        with pytest.raises(starts.Built):
            recipe.main(starts.options_of(task, source, files[task], tmp_path / "new", **options))
        return found[0]

    return until_limited


def trained_layers(model):
    return {weight.path.split("/")[0] for weight in model.trainable_weights}


@pytest.mark.parametrize("task", HEADS)
def test_every_recipe_trains_adapters_and_a_new_head(task, built, capsys):
    model = built(task, lora_rank=2, lora_alpha=4)
    head = {weight.path.split("/")[0] for weight in model.trainable_weights if not weight.name.startswith("lora_")}
    assert head == HEADS[task]
    assert any(weight.name.startswith("lora_") for weight in model.trainable_weights)
    shown = capsys.readouterr().err
    trained, total = (sum(np.prod(w.shape) for w in some) for some in (model.trainable_weights, model.weights))
    assert f"Trainable parameters: {trained:,} of {total:,} ({100 * trained / total:.2f} %).\n" in shown


@pytest.mark.parametrize("task", HEADS)
def test_every_recipe_freezes_layers(task, built):
    model = built(task, freeze_layers="1")
    layers = trained_layers(model)
    assert not [name for name in layers if "embedding" in name or name.endswith("layer_0")]
    assert HEADS[task] <= layers


def test_embeddings_or_the_backbone_can_be_frozen(capsys):
    model = tiny.classifier()
    limit_trainable(TrainingOptions(**GIVEN, freeze_layers="embeddings"), model)
    assert {"transformer_layer_0", "logits"} <= trained_layers(model)
    assert not any("embedding" in name for name in trained_layers(model))
    limit_trainable(TrainingOptions(**GIVEN, freeze_layers="backbone"), model)
    assert trained_layers(model) == {"logits"}
    with pytest.raises(KerasftError, match=r"`below` must be a whole number from 0 to 2; received: 9"):
        limit_trainable(TrainingOptions(**GIVEN, freeze_layers="9"), model)
    embedder = kerasft.heads.sentence_embedding(tiny.backbone())
    with pytest.raises(KerasftError, match="`model` must be one whose head has weights; received: 'sentence_e"):
        limit_trainable(TrainingOptions(**GIVEN, freeze_layers="backbone"), embedder)


@pytest.mark.parametrize(("pooling", "warned"), [("pooler", True), ("mean", False)])
@pytest.mark.parametrize("options", [{"lora_rank": 1}, {"freeze_layers": "backbone"}])
def test_a_random_pooler_that_is_not_trained_is_warned_of(capsys, pooling, warned, options):
    backbone = tiny.backbone(num_layers=1)
    backbone.checkpoint_report = kerasft.checkpoints.LoadReport("old", missing=("pooler.dense.weight",))
    model = kerasft.heads.text_classifier(backbone, ["no", "yes"], pooling=pooling)
    limit_trainable(TrainingOptions(**GIVEN, **options), model, backbone)
    assert ("has no pooler, and its random weights would stay frozen" in capsys.readouterr().err) is warned


def test_without_options_all_is_trained_and_nothing_said(capsys):
    model = tiny.classifier()
    limit_trainable(TrainingOptions(**GIVEN), model)
    assert len(model.trainable_weights) == len(model.weights)
    assert merged(model) is model
    assert capsys.readouterr().err == ""


def test_targets():
    assert lora_layers(None) == adapters.DEFAULT_LAYERS
    assert lora_layers("query, key") == ("query", "key")
    model = tiny.classifier()
    limit_trainable(TrainingOptions(**GIVEN, lora_rank=1, lora_targets="all-linear"), model)
    names = {weight.path.split("/")[-2] for weight in model.trainable_weights if weight.name.startswith("lora_")}
    assert names == {"query", "key", "value", "attention_output", "intermediate", "feedforward_output"}
    with pytest.raises(
        KerasftError, match=r"`layers` must be patterns that match some of .*'query'.*; received: \['q_p"
    ):
        limit_trainable(TrainingOptions(**GIVEN, lora_rank=1, lora_targets="q_proj"), tiny.classifier())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lora_rank": 0}, "`lora_rank` must be a whole number >= 1; received: 0"),
        ({"lora_rank": 2, "lora_alpha": 0.0}, "`lora_alpha` must be a number > 0; received: 0.0"),
        ({"lora_alpha": 8.0}, "`lora_alpha` must be omitted without lora_rank; received: 8.0. Add --lora-rank 8"),
        ({"lora_targets": "query"}, "`lora_targets` must be omitted without lora_rank; received: 'query'"),
        ({"freeze_layers": "0"}, "`freeze_layers` must be embeddings, backbone or a whole number >= 1; received: '0'"),
        ({"freeze_layers": "-1"}, "received: '-1'"),
        ({"freeze_layers": "all"}, "received: 'all'"),
        ({"freeze_layers": "2", "lora_rank": 2}, "`freeze_layers` must be omitted with lora_rank; received: '2'"),
    ],
)
def test_what_contradicts_is_refused_at_once(options, message):
    with pytest.raises(KerasftError, match=message):
        TrainingOptions(**GIVEN, **options)


def test_a_number_of_layers_in_a_configuration_file(tmp_path):
    (tmp_path / "run.yaml").write_text("model: m\ntrain: t.csv\nfreeze_layers: 4\n")
    options = read_options(None, text_classification.Options, str(tmp_path / "run.yaml"))
    assert options.freeze_layers == "4"


def test_few_weights_are_trained_at_a_larger_rate():
    backbone, about = tiny.backbone(), {"rows": 500, "kind": "text"}
    assert choose_training(TrainingOptions(**GIVEN), backbone, **about).learning_rate == 5e-4
    assert choose_training(TrainingOptions(**GIVEN, lora_rank=2), backbone, **about).learning_rate == 2e-3
    given = TrainingOptions(**GIVEN, lora_rank=2, learning_rate=1e-5)
    assert choose_training(given, backbone, **about).learning_rate == 1e-5
    for options, few in [
        ({"lora_rank": 2}, True),
        ({"freeze_layers": "backbone"}, True),
        ({"freeze_layers": "2"}, False),
    ]:
        assert trains_little(TrainingOptions(**GIVEN, **options)) is few


def lora_model():
    sizes = {"dropout": 0.0, "hidden_dropout": 0.0, "attention_dropout": 0.0, "num_layers": 1}
    model = adapters.enable_lora(tiny.classifier(**sizes), 2)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss, run_eagerly=True)
    return model


def test_a_resumed_training_of_adapters_goes_on_as_one_that_was_not_interrupted(tmp_path):
    """Keras' files have merged kernels and no matrices: from two zeros nothing would be learnt."""
    data = tiny.batch(["good film", "bad"]), np.array([0, 1])
    fit = {"verbose": 0, "shuffle": False, "batch_size": 2}
    whole = lora_model()
    start = whole.get_weights()
    whole.fit(*data, epochs=2, **fit)
    first, second = lora_model(), lora_model()
    for model in (first, second):
        model.set_weights(start)
    first.fit(*data, epochs=1, callbacks=[resume(tmp_path, delete_at_end=False)], **fit)
    second.fit(*data, epochs=2, callbacks=[resume(tmp_path, delete_at_end=False)], **fit)
    for expected, received in zip(whole.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(received, expected, atol=1e-6)


def test_the_best_epochs_adapters_are_kept_apart_from_the_kernels(tmp_path):
    model = lora_model()
    best = best_checkpoint(tmp_path / "best.weights.h5", "loss")
    best.set_model(model)
    best.on_train_begin()
    best.on_epoch_end(0, {"loss": 1.0})
    expected = model.get_weights()
    for weight in model.trainable_weights:
        weight.assign(weight + 1.0)
    load_best_weights(model, tmp_path / "best.weights.h5")
    for before, after in zip(expected, model.get_weights(), strict=True):
        np.testing.assert_array_equal(after, before)


def test_another_number_of_frozen_layers_is_another_training(tmp_path):
    data = tiny.batch(["good film", "bad"]), np.array([0, 1])
    model = lora_model()
    model.fit(*data, epochs=1, verbose=0, callbacks=[resume(tmp_path, delete_at_end=False)])
    model.get_layer("logits").trainable = False
    with pytest.raises(
        CheckpointError,
        match=r"a checkpoint of the same model and optimizer; .*, not logits/kernel of shape \(16, 2\) \(frozen\)",
    ):
        model.fit(*data, epochs=2, verbose=0, callbacks=[resume(tmp_path, delete_at_end=False)])


@pytest.mark.slow
def test_a_bundle_and_the_adapters_alone_answer_alike(tmp_path):
    checkpoint = tiny.bert_folder(tmp_path / "checkpoint")
    rows = [(text, label) for text, label in (("a good film", "yes"), ("a bad film", "no")) for _ in range(12)]
    (tmp_path / "train.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    options = text_classification.Options(
        model=str(checkpoint), train=str(tmp_path / "train.csv"), output=str(tmp_path / "reviews"), epochs=2, lora_rank=2,
        max_length=8, lora_targets="query,token_embedding",
    )  # fmt: skip
    result = text_classification.main(options)
    bundle = kerasft.load_bundle(result["bundle"])
    assert not any(weight.name.startswith("lora_") for weight in bundle.model.weights)
    backbone, _ = kerasft.load_pretrained(str(checkpoint))
    model = kerasft.heads.text_classifier(backbone, bundle.labels)
    adapters.load_adapters(model, result["adapters"])
    batch = tiny.batch(["good film", "bad"])
    np.testing.assert_allclose(model(batch), bundle.model(batch), atol=1e-5)
    again = text_classification.main(
        dataclasses.replace(options, overwrite=True, epochs=1, lora_rank=None, lora_targets=None)
    )
    assert "adapters" not in again


def test_the_embeddings_of_new_markers_are_trained_by_an_adapter(built, capsys):
    model = built("relation-extraction", lora_rank=2, lora_targets="query")
    adapted = {weight.path.split("/")[-2] for weight in model.trainable_weights if weight.name.startswith("lora_")}
    assert adapted == {"query", "token_embedding"}
    assert "the entity markers are new" not in capsys.readouterr().err
    assert not any("token_embedding" in name for name in trained_layers(built("text-classification", lora_rank=2)))


@pytest.mark.parametrize("frozen", ["embeddings", "1", "backbone"])
def test_frozen_embeddings_of_new_markers_are_warned_of(built, capsys, frozen):
    built("relation-extraction", freeze_layers=frozen)
    assert "Warning: the entity markers are new" in capsys.readouterr().err
    built("token-classification", freeze_layers=frozen)
    assert "the entity markers are new" not in capsys.readouterr().err


def test_new_markers_become_different_under_lora():
    """They begin as the mean of the vocabulary, all four alike."""
    markers = kerasft.data.ENTITY_MARKERS
    backbone, tokenizer = kerasft.vocabulary.add_tokens(tiny.backbone(), tiny.tokenizer(), markers, special=True)
    ids = kerasft.data.marker_ids(tokenizer)
    model = kerasft.heads.relation_classifier(backbone, ["Buys", "Other"], markers=ids)
    model.has_new_tokens = True
    limit_trainable(TrainingOptions(**GIVEN, lora_rank=2), model)
    rows = [{"text": f"<e1>good</e1> the <e2>{word}</e2>", "label": "Buys"} for word in ("bad", "film")]
    dataset = kerasft.data.relation_extraction(rows, tokenizer, labels=model.labels, batch_size=2, max_length=16)
    model.compile("adam", kerasft.losses.for_labels(model.labels))
    model.fit(dataset, epochs=3, shuffle=False, verbose=0)
    before, after = (each.get_layer("token_embedding").get_weights()[0][ids] for each in (backbone, merged(model)))
    assert np.ptp(before, axis=0).max() == 0
    assert np.ptp(after, axis=0).max() > 1e-4
