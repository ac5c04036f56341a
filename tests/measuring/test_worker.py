"""The parts of the process that measures, within this one."""

import json

import numpy as np
import pytest

from kerasft.measuring import subprocess_job as apart
from kerasft.measuring import worker


def test_times_leave_the_warm_up_out():
    calls = []
    found = worker.times(lambda: calls.append(1), 5, warmup=2)
    assert len(calls) == 7
    assert found["min_ms"] <= found["median_ms"] <= found["p90_ms"]


def test_memory_that_is_taken_shows():
    before = worker.memory_bytes()
    block = np.ones(4_000_000)  # 32 MB
    grown = worker.growth(before)
    assert grown["peak"] >= grown["resident"] - 1_000_000
    assert grown["resident"] > 0.9 * block.nbytes or grown["resident"] == 0


def test_memory_that_the_system_does_not_tell_is_none():
    assert worker.growth({"resident": None, "peak": None}) == {"resident": None, "peak": None}


def test_inputs_are_real_tokens_and_random_numbers():
    def value(name, shape, dtype, length=None):
        return worker._value(name, {"shape_signature": np.array(shape), "dtype": dtype}, length)

    assert value("token_ids", (1, 4), np.int32).tolist() == [[1, 1, 1, 1]]
    assert value("token_ids", (-1, -1), np.int32, 3).tolist() == [[1, 1, 1]]
    assert value("serving_default_segment_ids:0", (1, 2), np.int32).tolist() == [[0, 0]]
    assert value("input_pos", (1,), np.int32).tolist() == [0]
    numbers = value("kv_cache_k_0", (1, 2, 3), np.float32)
    assert numbers.dtype == np.float32
    assert 0 <= numbers.min() < numbers.max() < 1


def test_the_parts_work_in_this_process_too(signatures_file):
    job = {"path": str(signatures_file), "lengths": [8], "threads": [1], "runs": 1, "warmup": 1}
    assert len(worker.measure(job)["rows"]) == 2
    job |= {"signature": "length_8", "sequence_length": 8, "threads": 1}
    assert worker.find_kernels(job)["kernels"]
    with pytest.raises(ValueError, match="no signature length_9 of length 8"):
        worker.find_kernels(job | {"signature": "length_9"})


def test_a_process_that_fails_or_crashes_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "bad_worker.py").write_text("raise SystemExit('no: it is wrong.')")
    assert apart.run_apart("bad_worker", {}) == {"error": "no: it is wrong"}
    (tmp_path / "crashing_worker.py").write_text("import os; os.abort()")
    assert apart.run_apart("crashing_worker", {}) == {"error": "the process crashed (signal 6)"}
    (tmp_path / "good_worker.py").write_text(
        "import json, sys; job = json.loads(sys.argv[1]); open(job['out'], 'w').write(json.dumps({'seen': job['x']}))"
    )
    assert apart.run_apart("good_worker", {"x": 3}) == {"seen": 3}


def test_an_answer_is_json(tmp_path):
    apart.answer({"out": str(tmp_path / "a.json")}, {"rows": [1]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"rows": [1]}
