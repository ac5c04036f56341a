import os
import subprocess
import sys

import pytest

from kerasft.cli.quiet import is_noise, quiet


@pytest.mark.parametrize(
    "line",
    [
        b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        b"E0000 00:00:1795457258.815813   21744 util.cc:131] oneDNN supports DT_INT64 only on platforms with AVX-512.",
        b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
        b"WARNING: [npu_registry.cc:34] NPU accelerator could not be loaded and registered: kLiteRtStatusErrorNotFound.",
        b"WARNING: [compiler_plugin.cc:312] Failed to load plugin at: libLiteRtCompilerPlugin_IntelOpenvino.so",
        b"\xe2\x94\x94 Could not load shared library libLiteRtCompilerPlugin_IntelOpenvino.so: libopenvino.so.2631",
        b"2026-11-23 18:00:00.123456: I tensorflow/core/platform/cpu_feature_guard.cc:210] This binary",
    ],
)
def test_what_is_noise(line):
    assert is_noise(line)


@pytest.mark.parametrize("line", [b"F0000 check failed", b"Killed", b"", b"ERROR: out of memory", b"INFORMATION"])
def test_what_is_not(line):
    assert not is_noise(line)


def test_only_the_noise_of_the_core_is_held_back(capfd):
    with quiet():
        os.write(2, b"I0000 not seen\nseen\nINFO: not seen")
    os.write(2, b"seen after\n")
    assert capfd.readouterr().err == "seen\nseen after\n"


def test_nothing_is_lost_by_an_error(capfd):
    def fail():
        with quiet():
            os.write(2, b"before\n")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"


def test_help_is_fast_and_the_command_line_quiet(bundle):
    """In a process of its own, as users see it: no TensorFlow for --help; no line but ours; the bundle loads."""
    program = (
        "import sys; from kerasft.cli.main import main\n"
        "try: main(['train', 'text-classification', '--help'])\n"
        "except SystemExit as end: code = end.code\n"
        "assert code == 0; assert 'tensorflow' not in sys.modules\n"
        f"sys.exit(main(['predict', {bundle!r}, 'a good film']))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "CUDA"))}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--learning-rate" in done.stdout
    assert done.stdout.splitlines()[-1].startswith('{"text": "a good film"')
