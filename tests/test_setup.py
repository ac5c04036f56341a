"""What `setup.cfg` declares is what is imported, what is tested, and what `kerasft doctor` looks for."""

import ast
import configparser
import pathlib
import re
import sys

import pytest
from packaging.version import Version

from kerasft.cli import doctor

ROOT = pathlib.Path(__file__).parent.parent
PINS = {path.stem: path for path in (ROOT / "tests" / "environments").glob("*.txt")} | {
    "pins": ROOT / "constraints.txt"
}
# Modules whose package has another name.
PACKAGES = {"sklearn": "scikit-learn", "yaml": "pyyaml", "ai-edge-litert": "ai-edge-litert"}
# The device's copies of our own files, and what the device offers there.
DEVICE_MODULES = {"tflite-runtime"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def requirements(text: str) -> dict[str, str]:
    """Lower bounds by package of a list of requirements."""
    return {normal(name): bound for name, bound in re.findall(r"^([\w.-]+)\s*>=\s*(\S+)", text, re.MULTILINE)}


def pins(path: pathlib.Path) -> dict[str, str]:
    return {
        normal(name): version
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", path.read_text("utf-8"), re.MULTILINE)
    }


def test_every_lower_bound_is_tested(setup):
    bounds = requirements(setup["options"]["install_requires"])
    floor = pins(PINS["floor"])
    assert {name: floor[name] for name in bounds} == bounds


def test_the_floor_is_on_the_oldest_python(setup):
    first_line = PINS["floor"].read_text("utf-8").splitlines()[0]
    assert "Python " + setup["options"]["python_requires"].removeprefix(">=") in first_line


def test_every_import_is_declared(setup):
    imported = set()
    for path in (ROOT / "kerasft").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    imported -= {name for name in imported if name in sys.stdlib_module_names or name.startswith("kerasft")}
    packages = {PACKAGES.get(normal(name), normal(name)) for name in imported} - DEVICE_MODULES
    declared = set(requirements(setup["options"]["install_requires"]))
    for extra in ("excel", "mobile", "litert_lm", "bench"):
        declared |= set(requirements(setup["options.extras_require"][extra]))
    assert packages - declared == set()


def test_doctor_looks_for_what_is_required(setup):
    assert {normal(name) for name in doctor.NEEDED} == set(requirements(setup["options"]["install_requires"]))


def test_doctor_knows_what_is_tested():
    tested = [pins(path) for path in PINS.values()]
    assert len(tested) == 4
    for package, bounds in doctor.TESTED.items():
        if package == "python":
            texts = [path.read_text("utf-8").splitlines()[0] for path in PINS.values()]
            versions = [Version(re.search(r"Python (\d+\.\d+)", text).group(1)) for text in texts]
        else:
            versions = [Version(each[normal(package)]) for each in tested]
        assert bounds == (str(min(versions)), str(max(versions))), package
