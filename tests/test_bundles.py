import json
import os
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

import kerasft
from kerasft.bundles import Bundle, check_target, load_bundle, read_metadata, save_bundle
from kerasft.errors import CheckpointError, KerasftError
from kerasft.features import Labels, multi_label, regression
from kerasft.optimizers import AdamW, WarmupLinearDecay
from tests import tiny

TEXTS = ["a good film", "we love the movie", ""]


@pytest.fixture(scope="module")
def model():
    return tiny.classifier()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "a" / "reviews"  # the parent is made
    return save_bundle(folder, model, tiny.tokenizer(), max_length=24, pair=True, metrics={"dev": {"accuracy": 0.5}})


@pytest.fixture
def copy(saved, tmp_path):
    return pathlib.Path(shutil.copytree(saved, tmp_path / "copy"))


def test_what_is_saved_is_loaded(model, saved):
    bundle = load_bundle(saved)
    assert bundle.labels == model.labels
    assert bundle.max_length == 24
    assert bundle.metadata["pair"] is True
    assert bundle.metadata["metrics"] == {"dev": {"accuracy": 0.5}}
    assert bundle.metadata["num_parameters"] == model.count_params()
    assert bundle.metadata["versions"]["keras"] == keras.__version__
    assert bundle.tokenizer(TEXTS)["input_ids"] == tiny.tokenizer()(TEXTS)["input_ids"]
    np.testing.assert_array_equal(bundle.model(tiny.batch(TEXTS)), model(tiny.batch(TEXTS)))


@pytest.mark.parametrize("labels", [multi_label(["toxic", "insult"]), regression("score"), Labels(["n\u00e9", "yes"])])
def test_every_kind_of_labels_comes_back(labels, tmp_path):
    assert load_bundle(save_bundle(tmp_path / "x", tiny.classifier(labels), tiny.tokenizer())).labels == labels


@pytest.mark.slow
def test_a_trained_model_is_saved_without_its_optimizer_and_gives_the_same_logits_in_a_new_process(saved, tmp_path):
    model = tiny.classifier()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(AdamW(WarmupLinearDecay(1e-3, total_steps=2)), loss, run_eagerly=True)
    batch = tiny.batch(TEXTS)
    model.train_on_batch(batch, np.array([0, 1, 1]))
    folder = save_bundle(tmp_path / "trained", model, tiny.tokenizer())
    assert model.optimizer is not None
    assert (folder / "model.keras").stat().st_size < 1.1 * (saved / "model.keras").stat().st_size
    program = (
        "import sys, numpy; from kerasft.bundles import load_bundle\n"
        "batch = dict(numpy.load(sys.argv[2])); numpy.save(sys.argv[3], load_bundle(sys.argv[1]).model(batch))"
    )
    np.savez(tmp_path / "batch.npz", **batch)
    words = [sys.executable, "-c", program, folder, tmp_path / "batch.npz", tmp_path / "logits.npy"]
    subprocess.run(words, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), model(batch), atol=1e-6)


def test_a_bundle_is_replaced_and_nothing_is_left_aside(copy, model):
    for name in ("old.txt", "litert_int8/model.tflite", "vocab.txt"):  # the user's, an export, an older tokenizer's
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(name)
    save_bundle(copy, model, tiny.tokenizer(), max_length=8, overwrite=True)
    assert load_bundle(copy).max_length == 8
    assert (copy / "old.txt").read_text() == "old.txt"
    assert (copy / "litert_int8" / "model.tflite").read_text() == "litert_int8/model.tflite"
    assert not (copy / "vocab.txt").exists()
    assert os.listdir(copy.parent) == ["copy"]


def test_a_bundle_is_not_replaced_without_a_word(copy, model):
    with pytest.raises(
        KerasftError, match=r"`folder` must be a new folder; .*copy'\. It contains a bundle; add overwrite=True"
    ):
        save_bundle(copy, model, tiny.tokenizer(), max_length=8)
    assert load_bundle(copy).max_length == 24
    with pytest.raises(KerasftError, match=r"`output` .* add --overwrite \(in Python: overwrite=True\)"):
        check_target(copy, name="output")
    check_target(copy, overwrite=True)


def test_a_failed_save_leaves_the_old_bundle_whole(copy, model, monkeypatch):
    monkeypatch.setattr("kerasft.tokenizers.save", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_bundle(copy, model, tiny.tokenizer(), max_length=8, overwrite=True)
    assert load_bundle(copy).max_length == 24
    assert os.listdir(copy.parent) == ["copy"]


def test_a_foreign_folder_is_not_replaced(tmp_path, model):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(KerasftError, match=r"`folder` must be a new folder or a bundle .* It contains other files"):
        save_bundle(tmp_path, model, tiny.tokenizer())
    for place in (tmp_path / "thesis.txt", tmp_path / "thesis.txt" / "x"):
        with pytest.raises(KerasftError, match=r"thesis.txt is a file"):
            save_bundle(place, model, tiny.tokenizer())


def test_a_model_without_labels_is_refused(tmp_path):
    inputs = keras.Input((2,))
    with pytest.raises(KerasftError, match=r"`model` must be a model built by kerasft.heads"):
        save_bundle(tmp_path / "x", keras.Model(inputs, inputs), tiny.tokenizer())


def test_check_target_changes_nothing_and_uses_the_users_word(tmp_path, monkeypatch, saved):
    check_target(tmp_path / "new" / "folder")
    check_target(tmp_path)
    check_target(saved, overwrite=True)
    assert not os.listdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(KerasftError, match=r"`--output` .* You have no permission to write in .*tmp"):
        check_target(tmp_path / "new", name="--output")


def test_what_is_no_bundle_is_refused_and_shown(tmp_path):
    (tmp_path / "weights.bin").write_text("")
    with pytest.raises(CheckpointError, match=r"is not a bundle: it contains weights.bin"):
        load_bundle(tmp_path)
    with pytest.raises(CheckpointError, match="the folder does not exist"):
        load_bundle(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is corrupted: expected JSON"),
        ("[]", "is corrupted: .*expected a JSON object, got list"),
        ('{"problem": "single_label", "max_length": 8}', "is corrupted: KeyError"),
        ('{"labels": ["a", "a"], "problem": "single_label", "max_length": 8}', "is corrupted: .*unique names"),
        ('{"labels": ["a", "b"], "problem": "single_label", "max_length": "x"}', "is corrupted: ValueError"),
    ],
)
def test_damaged_metadata_are_refused(tmp_path, content, message):
    (tmp_path / "kerasft.json").write_text(content)
    with pytest.raises(CheckpointError, match=message):
        read_metadata(tmp_path)


def test_a_newer_format_is_refused(copy):
    metadata = read_metadata(copy)
    (copy / "kerasft.json").write_text(json.dumps({**metadata, "format_version": 2}))
    with pytest.raises(CheckpointError, match=r"format_version is 2, this kerasft .* reads up to 1"):
        load_bundle(copy)


def test_a_missing_or_damaged_model_or_tokenizer_is_refused(copy):
    (copy / "model.keras").write_bytes(b"not a zip file")
    with pytest.raises(CheckpointError, match=r"model.keras is corrupted: File is not a zip file"):
        load_bundle(copy)
    (copy / "model.keras").unlink()
    with pytest.raises(CheckpointError, match=r"model.keras is missing. The bundle is incomplete"):
        load_bundle(copy)


def test_the_lambda_of_a_strangers_file_is_not_executed(copy, tmp_path):
    inputs = keras.Input((2,))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs)).save(copy / "model.keras")
    with pytest.raises(CheckpointError, match=r"model.keras (cannot be loaded|names keras.layers.Lambda)"):
        load_bundle(copy)


def test_a_bundle_is_plain_data():
    bundle = Bundle(None, None, {"labels": ["no", "yes"], "problem": "single_label", "max_length": 8})
    assert (list(bundle.labels), bundle.max_length) == (["no", "yes"], 8)


def test_the_task_is_told_by_the_head_and_settings_come_back(tmp_path):
    model = kerasft.heads.token_classifier(tiny.backbone(), ["O", "B-PER"])
    folder = kerasft.save_bundle(tmp_path / "tagger", model, tiny.tokenizer(), settings={"scheme": "IOB2"})
    bundle = kerasft.load_bundle(folder)
    assert (bundle.task, list(bundle.labels)) == ("token-classification", ["O", "B-PER"])
    assert bundle.settings == {"scheme": "IOB2"}


def test_paths_in_the_provenance_are_written_as_strings(tmp_path, model):
    provenance = {"checkpoint": pathlib.Path("checkpoints") / "bert"}
    save_bundle(tmp_path / "bundle", model, tiny.tokenizer(), provenance=provenance)
    assert read_metadata(tmp_path / "bundle")["provenance"]["checkpoint"] == os.path.join("checkpoints", "bert")


def test_a_file_and_an_export_are_no_bundles(tmp_path):
    with pytest.raises(CheckpointError, match="is not a bundle: it is a file"):
        kerasft.load_bundle(__file__)
    kerasft.export.litert(kerasft.make_bundle(tiny.classifier(), tiny.tokenizer(), max_length=16), tmp_path / "phone")
    with pytest.raises(CheckpointError, match=r"phone is an export \(litert\), .* Use the bundle it was exported from"):
        kerasft.load_bundle(tmp_path / "phone")


def test_a_model_without_labels_is_kept(tmp_path):
    folder = kerasft.save_bundle(tmp_path / "lm", kerasft.heads.masked_lm(tiny.backbone()), tiny.tokenizer())
    bundle = kerasft.load_bundle(folder)
    assert (bundle.task, bundle.labels) == ("masked-lm", None)


def test_a_task_without_a_pipeline_is_refused(copy):
    (copy / "kerasft.json").write_text(json.dumps({**read_metadata(copy), "task": "poetry"}))
    with pytest.raises(CheckpointError, match=r"must be one of .*text-classification.*received: 'poetry'"):
        kerasft.pipelines.load(copy)
