import importlib.metadata

import kerasft


def test_versions_devices_and_strategy(run):
    code, out, _ = run("doctor")
    assert code == 0
    assert f"kerasft               {kerasft.__version__}" in out
    assert "CPU cores" in out
    assert "1 replica(s)" in out
    assert "(offline)" in out
    assert "Nothing is missing." in out


def test_a_missing_package_is_named_and_is_exit_code_1(run, monkeypatch):
    version = importlib.metadata.version

    def without_litert(package):
        if package == "ai-edge-litert":
            raise importlib.metadata.PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(importlib.metadata, "version", without_litert)
    code, out, _ = run("doctor")
    assert code == 1
    assert "MISSING: pip install ai-edge-litert" in out
    assert "Missing: ai-edge-litert." in out


def test_another_backend_is_missing_ours(run, monkeypatch):
    monkeypatch.setattr("keras.config.backend", lambda: "jax")
    code, out, _ = run("doctor")
    assert code == 1
    assert "it is jax; set KERAS_BACKEND=tensorflow" in out
