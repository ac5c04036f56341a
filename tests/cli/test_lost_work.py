"""A training that ends in the middle: killed, terminated or out of disk. No finished epoch is lost."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import kerasft
from kerasft.errors import KerasftError
from kerasft.recipes import text_classification

needs_signals = pytest.mark.skipif(os.name != "posix", reason="signals")


@pytest.fixture
def words(work, tmp_path):
    return [
        *("train", "text-classification", "--model", str(work / "checkpoint"), "--train", str(work / "train.csv")),
        *("--max-length", "12", "--epochs", "2", "--output", str(tmp_path / "bundle")),
    ]


def refuse(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.slow
def test_a_full_disk_at_the_bundle_costs_no_epoch(run, words, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("kerasft.tokenizers.save", refuse)
        code, out, err = run(*words)
    assert code == 1
    assert "val_loss" in out
    last = err.splitlines()[-1]
    assert last.startswith("kerasft: error: the disk is full.")
    assert last.endswith(f"To resume from the last checkpoint: kerasft {shlex.join(words)} --resume")
    assert sorted(os.listdir(tmp_path)) == ["bundle.run"]

    code, _, err = run(*words)  # neither thrown away nor continued without a word
    assert code == 1
    assert "bundle.run contains one: add --resume to continue it, or --overwrite" in err
    assert "To resume" not in err

    code, out, err = run(*words, "--resume")
    assert code == 0, err
    assert "val_loss" not in out  # there was nothing left to train
    assert sorted(os.listdir(tmp_path / "bundle.run")) == ["logs", "report"]

    code, again, err = run(*words, "--resume")
    assert code == 0, err
    assert "measured on dev" in again
    assert "is finished: nothing left to train" in err
    code, _, err = run(*words)
    assert (code, "It contains a bundle; add --overwrite" in err) == (1, True)


HOLD = """
import sys, time
from kerasft.locks import lock_folder
lock_folder(sys.argv[1], name="output", value="bundle")
print("there", flush=True)
time.sleep(600)
"""


@needs_signals
def test_two_runs_into_one_folder(fails, words, tmp_path, monkeypatch):
    monkeypatch.setattr(text_classification, "main", lambda options: pytest.fail("training began"))
    program = [sys.executable, "-c", HOLD, tmp_path / "bundle.run"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "there\n"
            message = fails(*words)
        finally:
            other.kill()
    assert "`output` must be a folder that no other run writes to" in message
    assert f"process {other.pid} on " in message


def test_an_interruption_says_what_continues(run, words, monkeypatch):
    def interrupted(options):
        (kerasft.recipes.output.work_folder(options) / "resume" / "epoch-00001-step-00000000").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(text_classification, "main", interrupted)
    code, _, err = run(*words, "--overwrite")
    assert code == 130
    assert err == (f"kerasft: interrupted. To resume from the last checkpoint: kerasft {shlex.join(words)} --resume\n")


@pytest.mark.slow
def test_seeds_that_are_finished_are_not_trained_again(run, words, monkeypatch, tmp_path):
    trained = []
    main = text_classification.main

    def fails_at_the_second(options):
        trained.append(options.seed)
        if len(trained) == 2:
            raise KerasftError("row 7 is bad")
        return main(options)

    monkeypatch.setattr(text_classification, "main", fails_at_the_second)
    words = [*words, "--epochs", "1", "--seeds", "2"]
    code, _, err = run(*words)
    assert (code, "row 7 is bad" in err) == (1, True), err
    code, _, err = run(*words, "--resume")
    assert code == 0, err
    assert trained == [0, 1, 1]
    assert (tmp_path / "bundle" / "seeds.json").is_file()


def start(words, folder, *more):
    command = [sys.executable, "-m", "kerasft", *words, "--output", str(folder), *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(words, folder, *more):
    process = start(words, folder, *more)
    _, error = process.communicate()
    assert process.returncode == 0, error


def result_of(folder):
    """Weights, and what the bundle and the report say but for times and names of folders."""
    metadata = kerasft.bundles.read_metadata(folder)
    history = {name: values for name, values in metadata["provenance"]["history"].items() if "per_second" not in name}
    report = json.loads((folder.with_name(f"{folder.name}.run") / "report" / "report.json").read_text("utf-8"))
    return kerasft.load_bundle(folder).model.get_weights(), history, metadata["metrics"], report["metrics"]


@needs_signals
@pytest.mark.slow
def test_a_killed_run_ends_as_one_that_was_not(words, tmp_path):
    """SIGKILL after half a checkpoint, after some steps, and after the last epoch; SIGTERM, which writes a checkpoint."""
    words = [*words[:-1], "--checkpoint-steps", "1", "--epochs", "3", "--patience", "3"]
    words.remove("--output")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(words, whole)
    work = tmp_path / "killed.run"
    moments = [".epoch-00000-step-*", "epoch-00001-*", "epoch-00001-step-0000000[1-9]", "epoch-00003-*"]
    for number, moment in enumerate(moments):
        process = start(words, killed, "--resume")
        while not any((work / "resume").glob(moment)) and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGTERM if number == 1 else signal.SIGKILL)
        error = process.communicate()[1]
        if number == 1 and process.returncode == 143:
            assert f"To resume from the last checkpoint: kerasft {words[0]}" in error
    finish(words, killed, "--resume")
    for one, other in zip(result_of(whole)[0], result_of(killed)[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert result_of(whole)[1:] == result_of(killed)[1:]


DOCTOR = """
import sys, time
from kerasft.cli import doctor
from kerasft.cli.main import main
def run(args):
    print("there", flush=True)
    time.sleep(60)
doctor.run = run
sys.argv = ["kerasft", "doctor"]
sys.exit(main())
"""


@needs_signals
@pytest.mark.parametrize(
    ("sent", "code", "line"),
    [(signal.SIGTERM, 143, "kerasft: terminated.\n"), (signal.SIGINT, 130, "kerasft: interrupted.\n")],
)
def test_a_signal_is_a_message_and_an_exit_code(sent, code, line):
    process = subprocess.Popen(
        [sys.executable, "-c", DOCTOR], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "there\n"
    process.send_signal(sent)
    _, err = process.communicate()
    assert (process.returncode, err) == (code, line)


# Where the process stops and is killed: what is replaced, and by what.
STOP = """
import sys, time
import kerasft
from kerasft.cli.main import main
calls = []
def stop_at(place, name, number=1):
    original = getattr(place, name)
    def stopping(*args, **kwargs):
        calls.append(name)
        if len(calls) == number:
            print("there", flush=True)
            time.sleep(600)
        return original(*args, **kwargs)
    setattr(place, name, stopping)
{stop}
sys.exit(main())
"""
MOMENTS = {
    "second epoch's checkpoint": "import keras; stop_at(keras.Model, 'save_weights', 3)",
    "before the report": "from kerasft.recipes import text_classification as task; stop_at(task, 'report_and_save')",
    "in the bundle": "stop_at(kerasft.tokenizers, 'save')",
    "after the bundle": "stop_at(kerasft.reports.Report, 'write')",
}


def weights(folder):
    return kerasft.load_bundle(folder).model.get_weights()


@pytest.fixture(scope="module")
def undisturbed(work, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "bundle"
    words = ("--model", work / "checkpoint", "--train", work / "train.csv", "--max-length", 12, "--epochs", 2)
    words = [sys.executable, "-m", "kerasft", "train", "text-classification", *words, "--output", folder]
    subprocess.run(list(map(str, words)), check=True, capture_output=True)
    return weights(folder)


@needs_signals
@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "sent"), [(moment, signal.SIGKILL) for moment in MOMENTS] + [("in the bundle", signal.SIGTERM)]
)
def test_a_killed_training_is_finished_by_resume(words, tmp_path, undisturbed, moment, sent):
    program = [sys.executable, "-c", STOP.format(stop=MOMENTS[moment]), *words]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while (line := process.stdout.readline()) != "there\n":
        assert line, process.stderr.read()
    process.send_signal(sent)
    _, err = process.communicate()
    if sent == "SIGTERM":
        assert process.returncode == 143
        assert f"To resume: kerasft {shlex.join(words)} --resume" in err
        assert "Traceback" not in err
    done = subprocess.run(
        [sys.executable, "-m", "kerasft", *words, "--resume"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("val_loss") == (1 if moment == "second epoch's checkpoint" else 0)
    assert sorted(os.listdir(tmp_path)) == ["bundle", "bundle.run"]
    assert sorted(os.listdir(tmp_path / "bundle.run")) == ["logs", "report"]
    if moment != "second epoch's checkpoint":
        for expected, received in zip(undisturbed, weights(tmp_path / "bundle"), strict=True):
            np.testing.assert_array_equal(received, expected)
