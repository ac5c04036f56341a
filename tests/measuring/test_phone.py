"""The commands for a phone: every signature, with inputs in the graph's order and values that its tables have."""

import pytest

from kerasft import CheckpointError, KerasftError
from kerasft.measuring import adb_commands


def flags(line):
    return dict(word[2:].split("=", 1) for word in line.split() if word.startswith("--"))


def test_each_signature_is_run(signatures_file):
    lines = adb_commands(signatures_file, threads=2, runs=7)
    assert lines[0] == f"adb push {signatures_file} /data/local/tmp/model.tflite"
    found = {flags(line)["signature_to_run_for"]: flags(line) for line in lines[3:]}
    assert set(found) == {"length_8", "length_16"}
    one = found["length_16"]
    assert (one["graph"], one["num_threads"], one["num_runs"]) == ("/data/local/tmp/model.tflite", "2", "7")
    names = one["input_layer"].split(",")
    assert set(names) == {"token_ids", "padding_mask", "segment_ids"}
    assert one["input_layer_shape"] == "1,16:1,16:1,16"
    values = {"token_ids": 1, "padding_mask": 1, "segment_ids": 0}
    assert one["input_layer_value_range"] == ":".join(f"{name},{values[name]},{values[name]}" for name in names)


def test_free_lengths_get_one_and_float_inputs_no_values(free_file, nameless_file):
    one = flags(adb_commands(free_file, length=6)[-1])
    assert (one["input_layer"], one["input_layer_shape"]) == ("frames", "1,6,3")
    assert "input_layer_value_range" not in one
    nameless = flags(adb_commands(nameless_file)[-1])
    assert "signature_to_run_for" not in nameless
    assert nameless["input_layer_shape"] == "1,8"


def test_bad_arguments(free_file, tmp_path):
    with pytest.raises(KerasftError, match=r"`threads` must be whole numbers >= 1; received: \[0\]"):
        adb_commands(free_file, threads=0)
    with pytest.raises(CheckpointError, match=r"x\.tflite is not a LiteRT file: the file does not exist"):
        adb_commands(tmp_path / "x.tflite")
