"""A step of an export that crashes, is killed or fails is a sentence, and the older export stays whole."""

import json
import subprocess
import sys

import pytest

import kerasft
from kerasft import ExportError, export
from kerasft.conversion import steps, worker
from kerasft.measuring import subprocess_job as apart
from tests import tiny

CRASHES = {
    "import ctypes; ctypes.string_at(0)": r"the process crashed \(signal 11\)",
    "import os; os.abort()": r"the process crashed \(signal 6\)",
    "import os; os.kill(os.getpid(), 9)": r"the process was killed \(signal 9\), most likely because memory ran out",
    "raise MemoryError('cannot allocate')": "MemoryError: cannot allocate",
    "import sys; sys.exit(3)": "exit code 3",
}


@pytest.fixture(scope="module")
def bundle():
    return kerasft.make_bundle(tiny.classifier(), tiny.tokenizer(), max_length=16)


@pytest.fixture
def in_a_process(monkeypatch):
    monkeypatch.setenv(steps.IN_PROCESS, "0")


@pytest.fixture
def crash(in_a_process, monkeypatch):
    """Let the process run other code, which ends it, in place of a step."""

    def replace(code):
        run = subprocess.run
        monkeypatch.setattr(
            apart.subprocess, "run", lambda command, **options: run([sys.executable, "-c", code], **options)
        )

    return replace


@pytest.mark.parametrize("code", CRASHES)
def test_a_crash_is_a_sentence(crash, code):
    crash(code)
    with pytest.raises(ExportError, match=rf"failed in step 'convert', .*: {CRASHES[code]}\. Nothing was written"):
        steps.run_step("convert", {})


@pytest.mark.parametrize("quantize", [None, "int8", "int4"])
def test_the_older_export_stays_whole(bundle, tmp_path, crash, quantize):
    folder = tmp_path / "phone"
    folder.mkdir()
    (folder / "model.tflite").write_bytes(b"old")
    (folder / "kerasft.json").write_text("{}")
    crash("import os; os.abort()")
    with pytest.raises(ExportError, match="an existing export is unchanged"):
        export.litert(bundle, folder, quantize=quantize, sequence_length=8)
    with pytest.raises(ExportError, match="an existing export is unchanged"):
        export.mediapipe(bundle, folder / "model.tflite", app_normalizes=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "model.tflite": b"old",
        "kerasft.json": b"{}",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["phone"]


def test_where_no_process_can_be_started_the_other_way_is_named(in_a_process, monkeypatch):
    monkeypatch.setattr(apart.sys, "executable", "/no/such/python")
    with pytest.raises(ExportError, match="KERASFT_CONVERT_IN_PROCESS=1"):
        steps.run_step("convert", {})


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [None, "int8_full"])
def test_a_process_of_its_own_writes_the_same_file(bundle, tmp_path, monkeypatch, quantize):
    arguments = {"calibration": ["a good film"] * 16} if quantize else {}
    files = []
    for value in "10":
        monkeypatch.setenv(steps.IN_PROCESS, value)
        export.litert(bundle, tmp_path / value, quantize=quantize, sequence_length=8, **arguments)
        files.append((tmp_path / value / "model.tflite").read_bytes())
    assert files[0] == files[1]


def test_the_worker_starts_tensorflow_only_to_convert(tmp_path):
    code = "import sys, kerasft.conversion.worker; print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []
    assert set(worker.STEPS) == {"convert", "quantize", "pack"}
