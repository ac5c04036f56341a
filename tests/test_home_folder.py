"""`~` at the beginning of a path is the home folder, wherever a path can be given: no shell has seen most of them."""

import json
import os
import pathlib

import keras
import pytest

import kerasft
from kerasft import adapters, callbacks, checkpoints, tokenizers
from kerasft.cli import benchmark, graph
from kerasft.cli.flags import read_options
from kerasft.cli.main import main
from kerasft.recipes import text_classification
from tests import tiny


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.chdir(tmp_path)
    tiny.bert_folder(home / "bert")
    (home / "train.csv").write_text("text,label\n" + "a good film,yes\na bad film,no\n" * 10)
    yield home
    assert not (tmp_path / "~").exists()


def test_functions_of_folders_and_files(home):
    backbone, tokenizer = kerasft.load_pretrained("~/bert")
    assert checkpoints.task_of("~/bert") is None
    assert len(tokenizers.load("~/bert")) == len(tokenizer)
    model = kerasft.heads.text_classifier(backbone, ["no", "yes"])
    folder = kerasft.save_bundle("~/models/bundle", model, tokenizer, max_length=16)
    assert folder == home / "models" / "bundle"
    bundle = kerasft.load_bundle("~/models/bundle")
    assert kerasft.load_pretrained("~/models/bundle")[0].checkpoint_report.missing == ()
    assert checkpoints.restore_head(model, "~/models/bundle")
    pipeline = kerasft.pipelines.load("~/models/bundle")
    assert pipeline("a good film")["label"] in ("no", "yes")
    checkpoints.save_huggingface("~/exchange", bundle.model, bundle.tokenizer)
    assert (home / "exchange" / "config.json").is_file()
    assert len(kerasft.data.read_rows("~/train.csv")) == 20
    assert len(kerasft.data.read_rows(pathlib.Path("~/train.csv"))) == 20
    pipeline.evaluate("~/train.csv").write("~/report")
    assert (home / "report" / "report.html").is_file()
    tokenizers.save(tokenizer, "~/tokenizer")
    assert (home / "tokenizer" / "tokenizer.json").is_file()
    (home / "documents.txt").write_text("Ada works for Acme.\n")
    assert graph._documents("~/documents.txt", None) == [{"text": "Ada works for Acme.", "id": 0}]
    kerasft.pipelines.write_triples("~/graph.csv", [])
    assert (home / "graph.csv").is_file()
    adapters.enable_lora(model, 2)
    adapters.save_adapters(model, "~/adapters.safetensors")
    assert list(home.glob("adapters*"))


def test_a_list_of_files_on_the_command_line(home, monkeypatch):
    (home / "model.tflite").write_bytes(b"")
    seen = []
    monkeypatch.setattr(benchmark, "_print_commands", lambda args, files: seen.append(files) or 0)
    assert main(["benchmark", "~/model.tflite", "--adb"]) == 0
    assert seen == [{str(home / "model.tflite"): home / "model.tflite"}]


def test_callbacks(home):
    callbacks.TensorBoard("~/logs").set_model(tiny.classifier())
    assert (home / "logs").is_dir() or callbacks.TensorBoard("~/logs").log_dir == str(home / "logs")
    assert callbacks.best_checkpoint("~/best.keras").path == home / "best.keras"
    assert callbacks.resume("~/resume").folder == home / "resume"


def test_a_configuration_file(home):
    text = "model: ~/bert\ntrain: ~/train.csv\ndev: ~/dev.csv\ntest: ~/test.csv\noutput: ~/out\n"
    (home / "config.yaml").write_text(text)
    options = read_options(None, text_classification.Options, "~/config.yaml")
    for name in ("model", "train", "dev", "test", "output"):
        assert getattr(options, name).startswith(str(home) + os.sep), name


@pytest.mark.slow
def test_the_command_line(home, capsys):
    config = {"model": "~/bert", "train": "~/train.csv", "output": "~/out", "epochs": 1, "max_length": 8}
    (home / "config.json").write_text(json.dumps(config))
    assert main(["train", "text-classification", "--config=~/config.json"]) == 0
    assert main(["predict", "~/out", "a good film", "--output=~/answers.jsonl"]) == 0
    assert (home / "answers.jsonl").is_file()
    assert main(["evaluate", "~/out", "--data=~/train.csv", "--report=~/evaluated"]) == 0
    assert main(["convert", "~/out", "~/converted"]) == 0
    assert (home / "converted" / "config.json").is_file()
    keras.backend.clear_session()
    capsys.readouterr()
