import dataclasses
import errno
import inspect
import json

import keras
import numpy as np
import pytest

import kerasft
from kerasft.cli.train import _TASKS
from kerasft.errors import KerasftError
from kerasft.recipes import text_classification
from kerasft.recipes.options import TrainingOptions, option
from kerasft.recipes.output import check_output
from kerasft.recipes.reading import read_rows
from kerasft.recipes.training import epoch_chosen_on, make_callbacks, make_optimizer, report_and_save
from tests import tiny
from tests.cli.conftest import write_csv


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithOutput(TrainingOptions):
    output: str = option("folder", default="x")


OPTIONS = TrainingOptions(model="bert-base-uncased", train="train.csv", epochs=2, learning_rate=1e-3)


def changed(**values):
    return dataclasses.replace(OPTIONS, **values)


def names(callbacks):
    return [type(callback).__name__ for callback in callbacks]


@pytest.mark.parametrize("schedule", ["linear", "cosine", "polynomial"])
def test_the_rate_rises_to_its_peak_and_falls_to_nothing_over_all_epochs(schedule):
    optimizer = make_optimizer(changed(schedule=schedule, warmup=0.1), steps_per_epoch=50)
    rates = [float(optimizer._learning_rate(step)) for step in (0, 5, 10, 50, 100)]
    assert 0 < rates[0] < rates[1] <= max(rates) == pytest.approx(1e-3)
    assert rates[2] > rates[3] > rates[4] == pytest.approx(0, abs=1e-6)


def test_clipping_and_accumulation():
    assert make_optimizer(OPTIONS, 10).global_clipnorm == 1.0
    assert make_optimizer(changed(global_clipnorm=0.0), 10).global_clipnorm is None
    assert make_optimizer(OPTIONS, 10).gradient_accumulation_steps is None
    assert make_optimizer(changed(gradient_accumulation=4), 10).gradient_accumulation_steps == 4


def test_more_accumulation_than_batches_is_refused():
    make_optimizer(changed(gradient_accumulation=20), 10)
    with pytest.raises(KerasftError, match=r"`gradient_accumulation` must be at most 20, .* received: 21"):
        make_optimizer(changed(gradient_accumulation=21), 10)


def test_which_callbacks_watch(tmp_path, monkeypatch):
    always = ["StopOnNonFinite", "Throughput", "TensorBoard"]
    make = lambda **values: names(make_callbacks(changed(**values), tmp_path, monitor="val_accuracy"))  # noqa: E731
    assert make(keep="last", epochs=1) == [*always, "Resume", "ProgressLines"]
    assert make() == [*always, "_BestCheckpoint", "Resume", "ProgressLines"]
    assert make(keep="last", patience=1) == [*always, "_EarlyStopping", "Resume", "ProgressLines"]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert make(keep="last", epochs=1) == [*always, "Resume"]


def test_the_monitor_must_be_there(tmp_path):
    metrics = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    for monitor in ("loss", "val_loss", "accuracy", "val_accuracy", None):
        make_callbacks(changed(monitor=monitor), tmp_path, monitor="val_loss", metrics=metrics)
    with pytest.raises(KerasftError, match=r"`monitor` must be one of loss, val_loss, accuracy.* received: 'val_f1'"):
        make_callbacks(changed(monitor="val_f1"), tmp_path, monitor="val_loss", metrics=metrics)


def test_an_old_run_is_cleared_unless_it_is_resumed(tmp_path, capsys):
    options = WithOutput(model="bert-base-uncased", train="train.csv", output=str(tmp_path / "x"))
    resumed, work = dataclasses.replace(options, resume=True), tmp_path / "x.run"
    (work / "resume" / "epoch-00001-step-00000000").mkdir(parents=True)
    (work / "best.weights.h5").write_text("")
    (work / "best.weights.h5.json").write_text(json.dumps({}))
    make_callbacks(resumed, work, monitor="val_loss")
    assert (work / "resume").exists()
    assert (work / "best.weights.h5").exists()
    assert capsys.readouterr().err == ""
    make_callbacks(options, work, monitor="val_loss")
    assert not (work / "resume").exists()
    assert not list(work.glob("best*"))
    make_callbacks(resumed, work, monitor="val_loss")
    assert "Nothing to resume" in capsys.readouterr().err


def test_an_interrupted_run_is_not_thrown_away_without_a_word(tmp_path):
    options = WithOutput(model="bert-base-uncased", train="train.csv", output=str(tmp_path / "x"))
    check_output(options)
    (tmp_path / "x.run" / "resume" / "epoch-00001-step-00000000").mkdir(parents=True)
    with pytest.raises(
        KerasftError, match=r"`output` .* received: .*x.run contains one: add --resume .* or --overwrite"
    ):
        check_output(options)
    check_output(dataclasses.replace(options, resume=True))
    check_output(dataclasses.replace(options, overwrite=True))


def test_a_bundle_needs_the_users_word_unless_the_run_is_resumed(tmp_path):
    options = WithOutput(model="bert-base-uncased", train="train.csv", output=str(tmp_path / "x"))
    (tmp_path / "x").mkdir()
    for name in ("kerasft.json", "model.keras"):
        (tmp_path / "x" / name).write_text("{}")
    for refused in (options, dataclasses.replace(options, resume=True)):
        with pytest.raises(KerasftError, match=r"`output` must be a new folder; .* add --overwrite"):
            check_output(refused)
    check_output(dataclasses.replace(options, overwrite=True))
    (tmp_path / "x.run" / "resume" / "epoch-00001-step-00000000").mkdir(
        parents=True
    )  # the run wrote the bundle, and was killed before its end
    check_output(dataclasses.replace(options, resume=True))


@pytest.mark.parametrize(
    ("values", "chosen"),
    [
        ({}, "dev"),
        ({"keep": "last"}, None),
        ({"keep": "last", "patience": 1}, "dev"),
        ({"epochs": 1}, None),
    ],
)
def test_what_the_epoch_was_chosen_on(values, chosen):
    assert epoch_chosen_on(changed(**values)) == chosen


def test_an_interrupted_run_goes_on_after_its_last_whole_epoch(tmp_path):
    def run(epochs_to_see, **values):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        seen = []

        def note(epoch, logs):
            seen.append(epoch)
            if len(seen) == epochs_to_see:
                raise KeyboardInterrupt

        watch = make_callbacks(changed(epochs=3, keep="last", **values), tmp_path, monitor="val_loss")
        watch = [callback for callback in watch if type(callback).__name__ in ("Resume", "StopOnNonFinite")]
        watch.append(keras.callbacks.LambdaCallback(on_epoch_begin=note))
        try:
            model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=3, verbose=0, callbacks=watch)
        except KeyboardInterrupt:
            seen.pop()
        return seen

    assert run(3) == [0, 1]
    assert run(9, resume=True) == [2]
    assert run(9, resume=True) == []  # complete, but nothing says that its bundle was written


def test_numbers_in_one_file_and_names_in_another(tmp_path):
    names = ["entailment", "neutral", "contradiction"]
    train = write_csv(tmp_path / "train.csv", [(f"t {i}", names[i % 3]) for i in range(9)])
    dev = write_csv(tmp_path / "dev.csv", [(f"t {i}", i % 3) for i in range(9)])
    common = {"model": "bert-base-uncased", "train": train, "dev": dev}
    options = text_classification.Options(label_names=" entailment,neutral, contradiction", **common)
    rows = read_rows(options, {})
    assert (list(rows.labels), rows.split) == (sorted(names), "dev")
    assert rows.reported.columns["label"] == rows.dev.columns["label"] == names * 3
    with pytest.raises(KerasftError, match=r"`label_names` must be omitted for regression; received: 'a,b'"):
        text_classification.Options(label_names="a,b", problem="regression", **common)


@pytest.fixture
def finishing(tmp_path, monkeypatch):
    """Call `report_and_save` with a tiny model after a run that left its checkpoints; the work folder is `x.run`."""
    options = dataclasses.replace(text_classification.Options(model="m", train="t.csv"), output=str(tmp_path / "x"))
    work = tmp_path / "x.run"
    (work / "resume").mkdir(parents=True)
    (work / "best.weights.h5").write_text("")
    trained = kerasft.make_bundle(tiny.classifier(), tiny.tokenizer(), max_length=16)
    rows = {"text": ["a good film", "a bad film"], "label": ["positive", "negative"]}

    def run(measure=lambda about: kerasft.pipelines.load(trained).evaluate(rows), losses=(0.5,)):
        return report_and_save(run.options, trained, measure=measure, split="dev", history={"loss": list(losses)})

    run.options, run.trained, run.work, run.output = options, trained, work, tmp_path / "x"
    return run


def test_checkpoints_go_when_bundle_and_report_are_written(finishing):
    result = finishing()
    assert sorted(path.name for path in finishing.work.iterdir()) == ["report"]
    assert result["report"].is_file()
    metadata = kerasft.bundles.read_metadata(result["bundle"])
    assert metadata["metrics"]["dev"] == result["metrics"]
    assert metadata["provenance"]["history"] == {"loss": [0.5]}


def test_the_report_shows_the_training_of_its_model(finishing):
    result = finishing()
    training = json.loads(result["report"].with_name("report.json").read_text("utf-8"))["training"]
    assert training["history"] == {"loss": [0.5]}
    assert (training["options"]["train"], training["options"]["schedule"]) == ("t.csv", "linear")
    assert training["defaults"].keys() == training["options"].keys() - {"model", "train"}
    assert training["versions"]["keras"] == keras.__version__
    page = result["report"].read_text("utf-8")
    assert "Learning curve" in page
    assert "Training options" in page


@pytest.mark.parametrize("task", _TASKS)
def test_every_recipe_ends_in_the_report_with_the_training(task):
    main = "".join(inspect.getsource(_TASKS[task].main).split())
    assert "returnreport_and_save(options,trained,measure=" in main


def test_the_baseline_and_its_warnings_are_in_the_bundle_and_the_logs(finishing):
    logits = finishing.trained.model.get_layer("logits")
    logits.set_weights([np.zeros_like(logits.get_weights()[0]), np.array([5.0, 0.0])])  # one answer for all rows
    (finishing.work / "logs").mkdir()
    result = finishing()
    (warning, undefined) = result["warnings"]
    assert warning.startswith("accuracy 0.5000 is no better than 0.5000, the constant baseline: always '")
    assert warning.endswith("for 2 of 2 rows.")
    assert undefined == "matthews is undefined and counted as 0: all predictions are 'negative'."
    assert result["baseline"]["accuracy"] == 0.5
    metrics = kerasft.bundles.read_metadata(result["bundle"])["metrics"]
    assert {name: metrics[name] for name in ("baseline", "baseline_answer", "undefined", "warnings")} == {
        name: result[name] for name in ("baseline", "baseline_answer", "undefined", "warnings")
    }
    assert kerasft.load_bundle(result["bundle"]).warnings == result["warnings"]
    (events,) = (finishing.work / "logs").glob("events.*")
    assert b"is no better than 0.5000" in events.read_bytes()


def test_an_error_in_the_report_costs_no_model(finishing, capsys):
    def measure(about):
        finishing.trained.settings["temperature"] = 2.0
        raise KerasftError("row 7 is bad")

    with pytest.raises(KerasftError, match="row 7 is bad"):
        finishing(measure)
    assert "no report, but the trained model is saved in" in capsys.readouterr().err
    assert kerasft.load_bundle(finishing.output).settings["temperature"] == 2.0
    assert (finishing.work / "resume").exists()
    assert (finishing.work / "best.weights.h5").exists()


@pytest.mark.parametrize("writer", ["kerasft.tokenizers.save", "kerasft.reports.Report.write"])
def test_what_resumes_the_run_stays_when_a_file_cannot_be_written(finishing, monkeypatch, writer):
    monkeypatch.setattr(writer, lambda *args: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        finishing()
    assert (finishing.work / "resume").exists()
    assert (finishing.work / "best.weights.h5").exists()


@pytest.mark.parametrize(("keep", "best", "kept"), [("last", None, 3), ("best", 2, 2)])
def test_the_kept_epoch_is_one_of_the_history(finishing, keep, best, kept):
    if best is not None:
        (finishing.work / "best.weights.h5.json").write_text(json.dumps({"epoch": best}))
    finishing.options = dataclasses.replace(finishing.options, keep=keep)
    result = finishing(losses=[0.5, 0.4, 0.3])
    assert kerasft.bundles.read_metadata(result["bundle"])["provenance"]["kept_epoch"] == kept
    assert ("The dashed line marks epoch" in result["report"].read_text("utf-8")) is (kept is not None)
