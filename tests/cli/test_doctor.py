import importlib.metadata

import pytest

import kerasft
from kerasft.cli import doctor


@pytest.fixture
def versions(monkeypatch):
    """Pretend other versions of some packages; None: not installed."""
    pretended = {}
    real = importlib.metadata.version

    def version(package):
        found = pretended[package] if package in pretended else real(package)
        if found is None:
            raise importlib.metadata.PackageNotFoundError(package)
        return found

    monkeypatch.setattr(importlib.metadata, "version", version)
    return pretended


def test_versions_devices_and_strategy(run):
    code, out, _ = run("doctor")
    assert code == 0
    assert f"kerasft               {kerasft.__version__}" in out
    assert "CPU cores" in out
    assert "1 replica(s)" in out
    assert "(offline)" in out
    assert "Nothing is missing." in out


def test_a_missing_package_is_named_and_is_exit_code_1(run, versions):
    versions["ai-edge-litert"] = None
    code, out, _ = run("doctor")
    assert code == 1
    assert "MISSING: pip install ai-edge-litert" in out
    assert "Missing: these packages: pip install ai-edge-litert." in out
    assert "add --no-deps" in out


def test_another_backend_is_missing_ours(run, monkeypatch):
    monkeypatch.setattr("keras.config.backend", lambda: "jax")
    code, out, _ = run("doctor")
    assert code == 1
    assert "it is jax; set KERAS_BACKEND=tensorflow" in out


def test_tensorflow_under_another_name_is_tensorflow(run, versions):
    versions |= {"tensorflow": None, "tensorflow-cpu": "2.20.0"}
    code, out, _ = run("doctor")
    assert code == 0
    assert "tensorflow-cpu        2.20.0\n" in out


@pytest.mark.parametrize(
    ("version", "note"),
    [
        ("2.17.0", "(older than 2.18.1, the oldest version tested)"),
        ("2.18.0", "(older than 2.18.1, the oldest version tested)"),
        ("2.18.1", ""),
        ("2.20.0", ""),
        ("2.21.0", ""),
        ("2.22.0rc1", "(newer than 2.21.0, the newest version tested)"),
        ("a build", "(not tested: 2.18.1 to 2.21.0 are)"),
    ],
)
def test_versions_outside_of_those_tested_are_named(run, versions, version, note):
    versions["tensorflow"] = version
    code, out, _ = run("doctor")
    assert code == 0
    (line,) = (line for line in out.splitlines() if line.startswith("tensorflow  "))
    assert line.split(version)[1].strip() == note


def test_a_smoke_test_that_fails_says_at_which_step(monkeypatch, capsys):
    def refuse(*_, **__):
        raise RuntimeError("no such operation")

    monkeypatch.setattr(kerasft.checkpoints, "new_bert", refuse)
    assert doctor._smoke_test() == [
        "a working installation: building a tiny model failed (RuntimeError: no such operation)"
    ]
