"""Two replicas give the losses, metrics and weights of one, with weights, and with a last batch for one replica only."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def runs():
    command = [sys.executable, "-m", "tests.metrics.replicas_script"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("problem", ["single_label", "regression"])
def test_two_replicas_equal_one(runs, problem):
    one, two = runs[f"{problem} 1"], runs[f"{problem} 2"]
    assert set(one) == set(two)
    for name, value in one.items():
        assert two[name] == pytest.approx(value, abs=1e-6), name
