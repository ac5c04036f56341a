"""Any LiteRT file: latency by signature, length and threads, memory, operators and kernels."""

import pytest

from kerasft import CheckpointError, KerasftError
from kerasft.measuring import measure_litert


@pytest.fixture(scope="module")
def measured(signatures_file):
    return measure_litert(signatures_file, threads=[2, 1], runs=3, profile_runs=2)


def test_each_signature_has_a_row_for_each_number_of_threads_the_shortest_first(measured, signatures_file):
    rows = [(row["signature"], row["sequence_length"], row["threads"]) for row in measured["rows"]]
    assert rows == [("length_8", 8, 2), ("length_16", 16, 2), ("length_8", 8, 1), ("length_16", 16, 1)]
    assert all(0 < row["min_ms"] <= row["median_ms"] <= row["p90_ms"] for row in measured["rows"])
    assert all(row["first_ms"] > 0 for row in measured["rows"])
    assert measured["size_bytes"] == signatures_file.stat().st_size


def test_memory_is_that_of_a_fresh_process(measured):
    assert 0 < measured["memory"]["resident"] <= measured["memory"]["peak"] < 100e6  # TensorFlow alone takes more


def test_operators_by_signature_and_type(measured):
    counts = {(row["signature"], row["operator"], row["types"]): row["count"] for row in measured["operators"]}
    for signature in ("length_8", "length_16"):
        assert counts[signature, "SOFTMAX", "float32 -> float32"] == 2
        assert counts[signature, "GATHER", "int8 -> int8"] == 1


def test_the_runtimes_profiler_tells_the_time_of_each_kernel(measured):
    assert measured["kernels_error"] is None
    assert measured["kernels_of"] == {"signature": "length_16", "sequence_length": 16, "threads": 1}
    kernels = {row["kernel"]: row for row in measured["kernels"]}
    softmax = next(row for name, row in kernels.items() if name.startswith("Softmax"))
    assert (softmax["by"], softmax["count"]) == ("delegate", 2)
    assert kernels["GATHER"]["by"] == "interpreter"
    assert sum(row["ms"] for row in measured["kernels"]) < 10 * measured["rows"][-1]["p90_ms"] + 1


def test_what_xnnpack_takes(measured):
    taken = {row["operator"]: (row["count"], row["xnnpack"]) for row in measured["delegation"]}
    assert taken["SOFTMAX"] == (2, 2)
    assert taken["FULLY_CONNECTED"] == (14, 14)
    assert taken["GATHER"] == (2, 0)


def test_free_lengths_are_resized(free_file):
    found = measure_litert(free_file, lengths=[6, 4], threads=[1], runs=2, profile_runs=1)
    assert [row["sequence_length"] for row in found["rows"]] == [4, 6]
    assert found["kernels_of"]["sequence_length"] == 6
    assert {row["operator"] for row in found["operators"]} >= {"FULLY_CONNECTED"}
    assert any(row["kernel"].startswith("Fully Connected") for row in found["kernels"])


def test_a_file_without_signatures(nameless_file):
    found = measure_litert(nameless_file, threads=[1], runs=2, profile_runs=1)
    assert [(row["signature"], row["sequence_length"]) for row in found["rows"]] == [(None, 8)]
    assert [(row["signature"], row["operator"]) for row in found["operators"]] == [
        ("main", "FULLY_CONNECTED"),
        ("main", "SOFTMAX"),
    ]
    assert any(row["kernel"].startswith("Softmax") for row in found["kernels"])


def test_no_profile_if_none_is_asked_for(nameless_file):
    assert "kernels" not in measure_litert(nameless_file, threads=[1], runs=1, profile_runs=0)


def test_what_is_no_litert_file_or_a_damaged_one(signatures_file, tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.tflite is not a LiteRT file: the file does not exist"):
        measure_litert(tmp_path / "none.tflite")
    text = tmp_path / "text.tflite"
    text.write_text("this is a text")
    with pytest.raises(CheckpointError, match=r"text\.tflite is not a LiteRT file: its bytes 4 to 8 are not TFL3"):
        measure_litert(text)
    content = signatures_file.read_bytes()
    cut = tmp_path / "cut.tflite"
    for size in (20, len(content) // 2):
        cut.write_bytes(content[:size])
        with pytest.raises(CheckpointError, match=r"cut\.tflite (is corrupted|cannot be run by LiteRT): "):
            measure_litert(cut, runs=1, threads=[1])


@pytest.mark.parametrize("arguments", [{"lengths": [0]}, {"threads": []}, {"runs": 0}, {"warmup": 0}])
def test_bad_numbers(nameless_file, arguments):
    ((name, value),) = arguments.items()
    shown = value if isinstance(value, list) else [value]
    with pytest.raises(KerasftError, match=rf"`{name}` must be whole numbers >= 1; received: ") as caught:
        measure_litert(nameless_file, **arguments)
    assert str(shown) in str(caught.value)


def test_an_operation_that_the_runtime_has_not_is_named(flex_file):
    with pytest.raises(CheckpointError, match=r"model\.tflite cannot be run by LiteRT: .*FlexMatrixInverse"):
        measure_litert(flex_file, runs=1, threads=[1])


def test_a_length_that_is_too_long_is_named(positions_file):
    with pytest.raises(
        CheckpointError, match=r"cannot be run by LiteRT: .*serving_default at length 99: .* Use shorter"
    ):
        measure_litert(positions_file, lengths=[4, 99], runs=1, threads=[1])
    assert measure_litert(positions_file, lengths=[4], runs=1, threads=[1])["rows"]
