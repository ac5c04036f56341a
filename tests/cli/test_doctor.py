import importlib.metadata
import re
import subprocess
import sys
import textwrap

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


def test_missing_packages_are_named_with_a_command_that_leaves_tensorflow_as_it_is(run, versions):
    versions |= {"tensorflow": None, "tensorflow-cpu": "2.20.0", "ai-edge-litert": None}
    versions |= {"keras-hub": None, "tensorflow-text": None}
    code, out, _ = run("doctor")
    assert code == 1
    assert "ai-edge-litert        MISSING\n" in out
    command = "pip install --no-deps keras-hub 'tensorflow-text==2.20.*' && pip install ai-edge-litert"
    assert f"Missing: these packages: {command}." in out


def test_what_a_needed_package_needs_in_turn_is_missing_too(run, versions):
    versions["regex"] = None  # transformers and others declare it; `pip install --no-deps` leaves it out
    code, out, _ = run("doctor")
    assert code == 1
    assert re.search(r"^regex\S* +MISSING \(\S+ needs it\)$", out, re.MULTILINE)
    assert re.search(r"Missing: these packages: pip install '?regex", out)


def test_it_runs_where_nothing_is_installed():
    code = textwrap.dedent("""
        import importlib.metadata, sys

        class NothingInstalled:
            def find_spec(self, name, path=None, target=None):
                root = name.split(".")[0]
                if root not in sys.stdlib_module_names and root != "kerasft":
                    raise ModuleNotFoundError(f"No module named {root!r}", name=root)

        def version(package):
            raise importlib.metadata.PackageNotFoundError(package)

        sys.meta_path.insert(0, NothingInstalled())
        importlib.metadata.version = version
        from kerasft.cli.main import main

        print(main(["doctor"]), main(["predict", "bundle", "hello", "--set", "top_k=2"]))
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("\n1 1\n"), done.stderr
    assert "Missing: these packages: pip install tensorflow keras " in done.stdout
    assert "is not installed. `kerasft doctor` shows what to install." in done.stderr


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
        ("a build", "(not tested; tested: 2.18.1 to 2.21.0)"),
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
