import json
import pathlib

import pytest

from kerasft.bundles import read_metadata
from kerasft.recipes import text_classification
from tests.cli.conftest import write_csv


@pytest.fixture
def recorded(monkeypatch, tmp_path):
    """Instead of training, note the options; the accuracy is a function of the seed."""
    seen = []

    def main(options):
        seen.append(options)
        pathlib.Path(options.output).mkdir(parents=True)
        return {
            "metrics": {"accuracy": 0.8 + options.seed / 100},
            "split": "test" if options.test else "dev",
            "best_epoch_chosen_on": "dev" if options.keep == "best" else None,
            **{name: tmp_path / name for name in ("bundle", "report", "logs")},
        }

    monkeypatch.setattr(text_classification, "main", main)
    monkeypatch.setattr("kerasft.reports.headline", lambda metrics: metrics)
    return seen


def test_train_writes_a_bundle_with_what_was_measured(bundle):
    metadata = read_metadata(bundle)
    assert metadata["labels"] == ["negative", "positive"]
    assert metadata["max_length"] == 12
    assert 0 <= metadata["metrics"]["dev"]["accuracy"] <= 1
    assert 0 <= metadata["metrics"]["baseline"]["accuracy"] <= 1
    assert metadata["settings"]["baseline"]["counts"]
    assert metadata["provenance"]["options"]["epochs"] == 1
    assert pathlib.Path(f"{bundle}.run/report/report.html").is_file()
    assert list(pathlib.Path(f"{bundle}.run/logs").rglob("events.*"))
    training = json.loads(pathlib.Path(f"{bundle}.run/report/report.json").read_text("utf-8"))["training"]
    assert training["history"]["val_loss"]
    assert training["metric"] == "accuracy"
    assert (training["options"]["epochs"], training["defaults"]["epochs"]) == (1, None)
    assert training["options"].keys() - training["defaults"].keys() == {"model", "train"}
    assert "keras" in training["versions"]


def test_flags_go_before_yaml_and_yaml_before_defaults(recorded, run, tmp_path, train_words):
    config = tmp_path / "run.yaml"
    config.write_text("learning-rate: 5e-5\nbatch_size: 8\nresume: true\nwarmup: 0\ndev:\n")
    code, _, _ = run(*train_words, "--config", config, "--batch-size", "4", "--output", tmp_path / "out")
    assert code == 0
    (options,) = recorded
    assert (options.batch_size, options.learning_rate, options.resume, options.warmup) == (4, 5e-5, True, 0.0)
    assert (options.dev, options.weight_decay) == (None, 0.01)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("bogus: 1", "received: 'bogus'"),
        ("epochs: many", "`epochs` must be of type int; received: 'many'"),
        ("epochs: true", "`epochs` must be of type int; received: True"),
        ("resume: 3", "`resume` must be of type bool; received: 3"),
        ("schedule: square", "`schedule` must be one of"),
        ("warmup: 1.5", "`warmup` must be a number >= 0 and < 1; received: 1.5"),
        ("- a", "a YAML file of `option: value` lines; received: ['a']"),
        ("a: [", "cannot be read: while parsing"),
    ],
)
def test_a_wrong_yaml_file_is_refused(fails, tmp_path, train_words, content, message):
    (tmp_path / "run.yaml").write_text(content)
    assert message in fails(*train_words, "--config", tmp_path / "run.yaml")


def test_a_missing_yaml_file_is_refused(fails):
    assert "no.yaml cannot be read" in fails("train", "text-classification", "--config", "no.yaml")


def test_what_is_required_is_asked_for(fails):
    assert "`--model` must be given" in fails("train", "text-classification", "--train", "train.csv")
    assert "`--train` must be given" in fails("train", "text-classification", "--model", "bert")


def test_several_seeds_give_mean_spread_and_interval(recorded, run, tmp_path, train_words):
    out = tmp_path / "many"
    code, shown, err = run(*train_words, "--seeds", "3", "--seed", "4", "--output", out)
    assert code == 0
    assert [options.seed for options in recorded] == [4, 5, 6]
    assert [pathlib.Path(options.output).name for options in recorded] == ["seed_4", "seed_5", "seed_6"]
    numbers = json.loads((out / "seeds.json").read_text())["accuracy"]
    assert numbers["mean"] == pytest.approx(0.85)
    assert numbers["standard_deviation"] == pytest.approx(0.01)
    assert numbers["ci95"] == pytest.approx([0.85 - 4.303 * 0.01 / 3**0.5, 0.85 + 4.303 * 0.01 / 3**0.5], rel=1e-5)
    assert "0.8500  0.0100" in shown
    assert "Seed 5 (2 of 3)" in err


def test_the_interval_of_many_seeds_is_students_too(recorded, run, tmp_path, train_words):
    assert run(*train_words, "--seeds", "11", "--output", tmp_path / "many")[0] == 0
    numbers = json.loads((tmp_path / "many" / "seeds.json").read_text())["accuracy"]
    half = 2.228 * numbers["standard_deviation"] / 11**0.5  # t of 10 degrees of freedom, from the printed tables
    assert numbers["ci95"][1] - numbers["mean"] == pytest.approx(half, rel=1e-3)


def test_a_score_that_some_seeds_lack_is_left_out(recorded, run, tmp_path, train_words, monkeypatch):
    train = text_classification.main

    def main(options):
        result = train(options)
        return result | {"metrics": result["metrics"] | ({"no_answer_accuracy": 1.0} if options.seed == 0 else {})}

    monkeypatch.setattr(text_classification, "main", main)
    assert run(*train_words, "--seeds", "2", "--output", tmp_path / "many")[0] == 0
    assert list(json.loads((tmp_path / "many" / "seeds.json").read_text())) == ["accuracy"]


@pytest.mark.parametrize(("words", "noted"), [([], True), (["--keep", "last"], False), (["--test", "test.csv"], False)])
def test_the_note_when_the_best_epoch_was_chosen_on_the_reported_rows(
    recorded, run, tmp_path, train_words, words, noted
):
    _, _, err = run(*train_words, *words, "--output", tmp_path / "out")
    assert ("the best epoch was selected on the same dev rows" in err) is noted


def test_seeds_below_one_are_refused(fails, train_words):
    assert "`--seeds` must be a whole number >= 1; received: 0" in fails(*train_words, "--seeds", "0")


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--epochs", "0", "`epochs` must be a whole number >= 1; received: 0"),
        ("--batch-size", "0", "`batch_size` must be a whole number >= 1; received: 0"),
        ("--learning-rate", "-1", "`learning_rate` must be a number > 0; received: -1.0"),
        ("--learning-rate", "nan", "received: nan"),
        ("--max-length", "2", "`max_length` must be a whole number >= 3; received: 2"),
        ("--max-length", "99", "`max_length` must be at most 32, the tokenizer's limit; received: 99"),
        ("--monitor", "val_bogus", "`monitor` must be one of loss, val_loss, accuracy"),
        ("--gradient-accumulation", "9", "`gradient_accumulation` must be at most 4"),
        ("--seed", "-1", "`seed` must be a whole number >= 0"),
        ("--train", "no.csv", "no.csv: the file does not exist"),
        ("--train", ".", "this is a folder"),
        ("--label", "nocol", "no column with this name; the columns are ['text', 'label']; received: 'nocol'"),
        ("--model", "no/such/model", "no/such/model"),
        ("--problem", "regression", "expected a finite number as target; received: 'positive'"),
        ("--dev", "{work}/unknown.csv", "unknown.csv, line 3: unknown label; expected one of: "),
        ("--test", "{work}/unknown.csv", "unknown.csv, line 3: unknown label; expected one of: "),
        ("--output", "{work}", "`output` must be a new folder or a bundle to replace"),
        ("--output", "{work}/train.csv", "is a file"),
        ("--output", "{work}/train.csv/x", "is a file"),
        ("--config", "{work}", "cannot be read"),
    ],
)
def test_what_cannot_be_is_said_before_training(fails, monkeypatch, work, train_words, flag, value, message):
    monkeypatch.chdir(work)
    monkeypatch.setattr("keras.Model.fit", lambda *args, **kwargs: pytest.fail("training began"))
    assert message in fails(*train_words, "--overwrite", flag, value.format(work=work))


def test_every_seeds_folder_is_looked_at_before_the_first_training(recorded, fails, tmp_path, train_words):
    (tmp_path / "out" / "seed_1").mkdir(parents=True)
    (tmp_path / "out" / "seed_1" / "thesis.txt").write_text("irreplaceable")
    assert "seed_1" in fails(*train_words, "--seeds", "2", "--output", tmp_path / "out")
    assert not recorded


def test_columns_are_asked_for_as_flags(fails, tmp_path, train_words):
    path = write_csv(tmp_path / "strange.csv", [("good", "x"), ("bad", "y")], header=("a", "b"))
    assert "On the command line: --text NAME --label NAME." in fails(*train_words, "--overwrite", "--train", path)
