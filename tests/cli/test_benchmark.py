import json
import subprocess
import sys


def test_the_tables_and_the_numbers_in_a_file(run, bundle, exports, tmp_path):
    path = tmp_path / "numbers.json"
    words = ("--lengths", "4", "8", "--runs", "2", "--no-memory", "--operators", "--json", path)
    code, out, _ = run("benchmark", bundle, exports["litert"], exports["saved_model"], *words)
    assert code == 0
    assert out.startswith("file")
    for word in ("x Keras", "peak MB", "run by", "FULLY_CONNECTED", "serving_default"):
        assert word in out
    keras, litert, saved_model = json.loads(path.read_text())["files"]
    assert [row["sequence_length"] for row in keras["rows"]] == [4, 8]
    assert {row["threads"] for row in litert["rows"]} == {1, 2}
    for item in (keras, litert, saved_model):
        assert all(0 < row["min_ms"] <= row["median_ms"] <= row["p90_ms"] for row in item["rows"])
    medians = {row["sequence_length"]: row["median_ms"] for row in keras["rows"]}
    assert {row["times_keras"] for row in keras["rows"]} == {1.0}
    for row in litert["rows"]:
        assert row["times_keras"] == round(medians[row["sequence_length"]] / row["median_ms"], 3)
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_measured_is_refused(fails, bundle, exports, tmp_path):
    for flag in ("--lengths", "--runs", "--threads", "--warmup"):
        assert "must be whole numbers >= 1; received: [0]" in fails("benchmark", exports["litert"], flag, "0")
    assert "`lengths` must be whole numbers >= 1; received: [0]" in fails("benchmark", bundle, "--lengths", "0")
    (tmp_path / "text.tflite").write_text("a text and no model")
    assert "text.tflite is not a LiteRT file" in fails("benchmark", tmp_path / "text.tflite")
    assert "the folder does not exist" in fails("benchmark", tmp_path / "nothing")


def test_a_litert_file_is_measured_without_tensorflow(exports):
    code = (
        "import sys; from kerasft.cli.main import main; main(['benchmark', sys.argv[1], '--runs', '1', '--lengths', '4']); "
        "print('loaded', [name for name in ('tensorflow', 'keras', 'transformers') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, f"{exports['litert']}/model.tflite"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"
    assert "others" in done.stdout


def test_a_mobile_bundle_is_measured_at_no_more_than_its_longest(run, exports, tmp_path):
    path = tmp_path / "numbers.json"
    assert run("benchmark", exports["litert"], "--runs", "1", "--threads", "1", "--json", path)[0] == 0
    (item,) = json.loads(path.read_text())["files"]
    assert [row["sequence_length"] for row in item["rows"]] == [12]  # of 32 and 128


def test_the_commands_for_a_phone(run, exports):
    code, out, _ = run("benchmark", exports["litert"], "--adb", "--lengths", "4", "--threads", "2")
    assert code == 0
    assert out.startswith("adb push ")
    assert "--input_layer_shape=1,4:1,4:1,4" in out
    assert "--num_threads=2" in out
