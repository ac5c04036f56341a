"""The recipe on every kind of problem, with tiny models; the command line's tests train a single-label one."""

import dataclasses
import random

import numpy as np
import pytest

import kerasft
from kerasft.errors import KerasftError
from kerasft.recipes.reading import read_rows
from kerasft.recipes.text_classification import MONITOR, Options, main
from tests import tiny
from tests.cli.conftest import write_csv

WORDS = ("good", "great", "love", "bad", "poor", "lost")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny.bert_folder(tmp_path_factory.mktemp("recipe") / "checkpoint"))


def rows(number=64, seed=0):
    """Texts, their number of good words, and whether each of "good" and "bad" occurs."""
    rng = random.Random(seed)
    texts = [" ".join(rng.choices(WORDS, k=4)) for _ in range(number)]
    return [
        (text, sum(text.count(word) for word in WORDS[:3]), *(int(w in text) for w in ("good", "bad")))
        for text in texts
    ]


def options(checkpoint, tmp_path, **values):
    given = {"model": checkpoint, "output": str(tmp_path / "bundle"), "max_length": 10, "epochs": 1}
    return Options(**{**given, "train": str(tmp_path / "train.csv"), **values})


@pytest.mark.slow
def test_pairs_regression_and_the_last_epoch(checkpoint, tmp_path):
    pairs = [(text, text[:9], number) for text, number, _, _ in rows()]
    header = ("sentence1", "sentence2", "score")
    write_csv(tmp_path / "train.csv", pairs, header)
    write_csv(tmp_path / "test.csv", pairs[:20], header)
    result = main(
        options(
            checkpoint, tmp_path, problem="regression", test=str(tmp_path / "test.csv"), keep="last", pooling="mean",
            learning_rate=1e-2, schedule="cosine", gradient_accumulation=2, batch_size=8, epochs=4, patience=3,
        )
    )  # fmt: skip
    assert result["split"] == "test"
    assert -1 <= result["metrics"]["spearman"] <= 1
    assert result["best_epoch_chosen_on"] == "dev"  # it says when to stop
    bundle = kerasft.load_bundle(result["bundle"])
    assert bundle.labels == kerasft.regression("score")
    assert bundle.metadata["pair"] is True
    losses = bundle.metadata["provenance"]["history"]["loss"]
    assert losses[-1] < 0.8 * losses[0]
    assert isinstance(kerasft.pipelines.load(result["bundle"])(("good", "bad"))["score"], float)
    assert not (tmp_path / "bundle.run" / "best.weights.h5").exists()
    assert not (tmp_path / "bundle.run" / "resume").exists()


@pytest.mark.slow
def test_several_labels_at_once_with_focal_loss_and_class_weights(checkpoint, tmp_path):
    write_csv(tmp_path / "train.csv", rows(), ("text", "number", "good", "bad"))
    result = main(
        options(
            checkpoint, tmp_path, problem="multi_label", label="good,bad", text="text", focal_gamma=2.0,
            class_weights="balanced", token_budget=80, max_train_rows=40,
        )
    )  # fmt: skip
    bundle = kerasft.load_bundle(result["bundle"])
    assert bundle.labels == kerasft.multi_label(["good", "bad"])
    assert 0 <= result["metrics"]["f1_micro"] <= 1
    assert np.isfinite(bundle.metadata["provenance"]["history"]["val_loss"]).all()


def test_every_problem_has_its_monitor():
    for problem, labels in {"single_label": "ab", "multi_label": "ab", "regression": "a"}.items():
        metrics = kerasft.metrics.for_labels(kerasft.Labels(list(labels), problem))
        assert MONITOR[problem].removeprefix("val_") in [metric.name for metric in metrics]


def test_max_train_rows_leaves_labels_and_dev_rows_alone(checkpoint, tmp_path):
    write_csv(tmp_path / "train.csv", [(f"text {i}", ("a", "b", "a")[i % 3]) for i in range(100)])
    whole = options(checkpoint, tmp_path)
    rows = read_rows(dataclasses.replace(whole, max_train_rows=10), {})
    assert (len(rows.train), len(rows.dev), rows.split) == (10, 10, "dev")
    assert rows.reported is rows.dev
    assert list(rows.labels) == ["a", "b"]
    assert rows.dev.columns["text"] == read_rows(whole, {}).dev.columns["text"]
    other_seed = read_rows(dataclasses.replace(whole, max_train_rows=10, seed=1), {})
    assert other_seed.train.columns["text"] != rows.train.columns["text"]
    assert len(read_rows(dataclasses.replace(whole, max_train_rows=1000), {}).train) == 90


@pytest.mark.slow
def test_out_of_scope_rows_tune_a_threshold_and_are_counted(checkpoint, tmp_path, capsys):
    intents = [("good film", "praise"), ("bad film", "blame")] * 16
    write_csv(tmp_path / "train.csv", [*intents, ("pay my money", "oos")] * 2)
    write_csv(tmp_path / "test.csv", [*intents[:6], ("where is the card", "oos"), ("pay me", "oos")])
    result = main(
        options(
            checkpoint, tmp_path, test=str(tmp_path / "test.csv"), out_of_scope_label="oos", dev_fraction=0.5, epochs=6,
            learning_rate=1e-2, batch_size=8, keep="last",
        )
    )  # fmt: skip
    assert "1 rows labeled 'oos' are excluded from training." in capsys.readouterr().err
    bundle = kerasft.load_bundle(result["bundle"])
    assert list(bundle.labels) == ["blame", "praise"]
    setting = bundle.settings["out_of_scope"]
    assert (setting["label"], 0 <= setting["threshold"] <= 1) == ("oos", True)
    assert list(result["metrics"])[:3] == ["in_scope_accuracy", "out_of_scope_recall", "out_of_scope_precision"]
    assert 0.5 <= result["metrics"]["accuracy"] <= 1.0  # without the threshold
    report = kerasft.pipelines.load(result["bundle"]).evaluate(tmp_path / "test.csv")
    assert report.metrics == pytest.approx(result["metrics"])
    assert report.rows == 6
    assert report.about["out of scope"].startswith("2 additional rows of oos; threshold 0.")


@pytest.mark.slow
def test_a_temperature_is_tuned_before_the_threshold(checkpoint, tmp_path):
    rows = [("good film", "praise"), ("bad film", "blame"), ("bad film", "praise")] * 12
    write_csv(tmp_path / "train.csv", [*rows, ("pay my money", "oos")] * 2)
    result = main(
        options(
            checkpoint,
            tmp_path,
            tune_temperature=True,
            out_of_scope_label="oos",
            dev_fraction=0.5,
            epochs=3,
            learning_rate=1e-2,
        )
    )
    bundle = kerasft.load_bundle(result["bundle"])
    assert list(bundle.settings) == ["columns", "temperature", "out_of_scope", "baseline"]
    assert bundle.settings["temperature"] > 0
    pipeline = kerasft.pipelines.load(bundle)
    assert pipeline.temperature == bundle.settings["temperature"]
    assert pipeline.evaluate(tmp_path / "train.csv").about["temperature"] == f"{pipeline.temperature:.4g}"


@pytest.mark.slow
def test_each_label_gets_its_threshold(checkpoint, tmp_path):
    write_csv(tmp_path / "train.csv", rows(), ("text", "number", "good", "bad"))
    wanted = {"problem": "multi_label", "label": "good,bad", "text": "text", "epochs": 1}
    result = main(options(checkpoint, tmp_path, tune_thresholds=True, **wanted))
    thresholds = kerasft.load_bundle(result["bundle"]).settings["thresholds"]
    assert len(thresholds) == 2
    assert all(0 <= threshold <= 1 for threshold in thresholds)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("tune_temperature", "regression"), ("tune_thresholds", "regression"), ("tune_thresholds", "single_label")],
)
def test_what_a_problem_has_not_cannot_be_tuned(checkpoint, tmp_path, name, problem):
    with pytest.raises(KerasftError, match=f"`{name}` must be omitted for .*{problem}; received: True"):
        options(checkpoint, tmp_path, problem=problem, **{name: True})


def test_out_of_scope_is_for_one_label(checkpoint, tmp_path):
    with pytest.raises(KerasftError, match="`out_of_scope_label` must be omitted for multi_label; received: 'oos'"):
        options(checkpoint, tmp_path, problem="multi_label", out_of_scope_label="oos")


@pytest.mark.parametrize("foreign", [True, False])
def test_a_foreign_output_is_refused_before_anything_is_read(checkpoint, tmp_path, foreign):
    (tmp_path / "bundle").mkdir()
    if foreign:
        (tmp_path / "bundle" / "thesis.txt").write_text("irreplaceable")
    message = "`output` must be a new folder or a bundle" if foreign else "train.csv: the file does not exist"
    with pytest.raises(KerasftError, match=message):
        main(options(checkpoint, tmp_path))


@pytest.mark.slow
def test_a_finished_bundle_goes_on_quantization_aware_with_its_head(checkpoint, tmp_path, capsys):
    write_csv(tmp_path / "train.csv", [(text, "many" if number > 1 else "few") for text, number, _, _ in rows()])
    given = {"test": str(tmp_path / "train.csv"), "keep": "last"}
    first = main(options(checkpoint, tmp_path, learning_rate=1e-2, epochs=3, **given))
    again = {"model": str(first["bundle"]), "output": str(tmp_path / "again"), "quantization_aware": True}
    second = main(dataclasses.replace(options(checkpoint, tmp_path, learning_rate=1e-9, **given), **again))
    printed = capsys.readouterr().err
    assert f"{first['bundle']} has the same task and labels: training continues with its head." in printed
    assert second["metrics"]["log_loss"] == pytest.approx(first["metrics"]["log_loss"], rel=1e-3)


@pytest.mark.slow
def test_dev_and_test_labels_that_training_lacks_count_as_errors(checkpoint, tmp_path):
    train = [("good film", "yes"), ("bad film", "no")] * 8
    write_csv(tmp_path / "train.csv", train, ("text", "label"))
    for name in ("dev", "test"):
        write_csv(tmp_path / f"{name}.csv", [*train[:3], ("poor", "maybe"), ("lost", "oos")], ("text", "label"))
    files = {name: str(tmp_path / f"{name}.csv") for name in ("dev", "test")}
    result = main(options(checkpoint, tmp_path, unseen_labels="count", out_of_scope_label="oos", **files))
    assert result["metrics"]["accuracy"] <= 0.75
    assert "log_loss" not in result["metrics"]
    assert kerasft.load_bundle(result["bundle"]).labels == ["no", "yes"]
    with pytest.raises(KerasftError, match=r"dev.csv, line 5: .* received: 'maybe'.*--unseen-labels count"):
        main(options(checkpoint, tmp_path, output=str(tmp_path / "other"), out_of_scope_label="oos", **files))
