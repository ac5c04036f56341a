import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from kerasft.distribution import allow_uneven_batches, get_strategy
from kerasft.errors import KerasftError

GLOBAL_CLIPNORM = 0.05  # as in replicas_script.py


@pytest.fixture(scope="module")
def runs() -> dict:
    """One and the same training on 1, 2 and 4 devices, with and without accumulation: losses, norms, weights."""
    command = [sys.executable, "-m", "tests.replicas_script"]
    ran = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout)


@pytest.mark.parametrize(("replicas", "single"), [("2", "1"), ("4", "1"), ("2 accumulated", "1 accumulated")])
def test_replicas_train_as_one_device_does(runs, replicas, single):
    """The same global batches, clipped, of uneven real lengths on each replica, the last one of 3 texts."""
    for what in ("losses", "norms", "weights"):
        np.testing.assert_allclose(runs[replicas][what], runs[single][what], rtol=0, atol=1e-5, err_msg=what)
    assert min(runs[replicas]["norms"][1:]) > GLOBAL_CLIPNORM


QUICK = ("single_label", "pairs")
OTHERS = (
    "multi_label", "regression", "token_classification", "intent_and_slots", "question_answering", "relation_extraction",
    "masked_lm", "causal_lm", "sequence_to_sequence", "rated pairs",
)  # fmt: skip


@pytest.mark.parametrize("tasks", [QUICK, pytest.param(OTHERS, marks=pytest.mark.slow)])
def test_batches_that_devices_cannot_share_evenly(tasks):
    """The first batch has 3 rows, others 1; nothing is dropped, and losses, metrics and weights are those of one device."""
    command = [sys.executable, "-m", "tests.tasks_on_replicas_script", *tasks]
    ran = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False, timeout=900
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    for task in tasks:
        one, two = found[f"{task} 1"], found[f"{task} 2"]
        assert "error" not in one | two, (task, one.get("error"), two.get("error"))
        assert two.keys() == one.keys()
        for name, value in one.items():
            np.testing.assert_allclose(two[name], value, rtol=0, atol=2e-5, err_msg=f"{task}: {name}")


def test_a_mean_over_replicas_that_is_no_batch_is_not_touched():
    strategy = allow_uneven_batches(tf.distribute.MirroredStrategy(["CPU:0"]))
    assert allow_uneven_batches(strategy) is strategy
    assert float(strategy.reduce("MEAN", strategy.run(lambda: tf.constant([1.0, 3.0])), axis=0)) == 2.0


def test_one_device_keeps_plain_variables():
    for name in ("auto", "one_device"):
        with get_strategy(name).scope():
            variable = tf.Variable(1.0)
        assert get_strategy(name).num_replicas_in_sync == 1
        assert not hasattr(variable, "values")


def test_unknown_name():
    with pytest.raises(KerasftError, match=r"`strategy` must be one of \('auto', .*; received: 'horovod'"):
        get_strategy("horovod")


@pytest.mark.parametrize(
    ("name", "fix"), [("mirrored", "one device"), ("multi_worker", "TF_CONFIG"), ("tpu", "TPU_NAME")]
)
def test_missing_devices(name, fix, monkeypatch):
    for variable in ("TF_CONFIG", "TPU_NAME", "COLAB_TPU_ADDR"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(KerasftError, match=f"devices are available; received: '{name}'.*{fix}"):
        get_strategy(name)


def test_auto_looks_at_the_devices(monkeypatch):
    devices = [tf.config.LogicalDevice(f"/device:GPU:{i}", "GPU") for i in range(2)]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: devices)
    asked = []
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", asked.append)
    get_strategy("auto")
    assert asked == [["/device:GPU:0", "/device:GPU:1"]]


def test_multi_worker_reads_the_cluster():
    """In a process of its own, because it starts a server."""
    cluster = {"cluster": {"worker": ["localhost:0"]}, "task": {"type": "worker", "index": 0}}
    program = (
        "import tensorflow as tf; from kerasft.distribution import get_strategy; "
        "print(isinstance(get_strategy('multi_worker'), tf.distribute.MultiWorkerMirroredStrategy))"
    )
    environment = {**os.environ, "TF_CONFIG": json.dumps(cluster)}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "True", ran.stderr[-2000:]
