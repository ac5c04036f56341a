"""Check the installation: versions, devices, the strategy that "auto" selects, missing packages.

Exit code 1 if something that every run needs is missing, or if `--try` fails.
"""

import argparse
import importlib.metadata
import os
import pathlib
import platform
import shlex
import shutil
import sys
import tempfile
import time

import kerasft
from kerasft.errors import KerasftError

TESTED = {
    "python": ("3.10", "3.13"),
    "tensorflow": ("2.18.1", "2.21.0"),
    "keras": ("3.9.2", "3.15.1"),
    "keras-hub": ("0.20.0", "0.32.0"),
    "tensorflow-text": ("2.18.1", "2.21.1"),
    "transformers": ("4.50.3", "5.23.0"),
    "tokenizers": ("0.21.0", "0.23.3"),
    "ai-edge-litert": ("1.1.2", "2.3.0"),
    "numpy": ("1.26.4", "2.4.6"),
}
"""Oldest and newest tested version of each package, from `tests/environments` (docs/versions.md)."""

NEEDED = (
    "tensorflow", "keras", "keras-hub", "tensorflow-text", "transformers", "tokenizers", "huggingface-hub", "safetensors",
    "tensorflow-datasets", "importlib-resources", "tensorboard", "ai-edge-litert", "flatbuffers", "numpy", "ml-dtypes",
    "h5py", "scipy", "scikit-learn", "sacrebleu", "rouge-score", "pyarrow", "matplotlib", "jinja2", "markupsafe",
    "packaging", "PyYAML", "tqdm",
)  # fmt: skip
"""Requirements of `setup.cfg`."""

# Builds of TensorFlow with other names: Kaggle's TPU image has the build without GPU support.
_TENSORFLOW = ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly", "tensorflow-rocm")
_OPTIONAL = {
    "litert-quantizer": "for --quantize int4 and int8_full",
    "torch": "to read .bin checkpoints and to run benchmarks",
    "jupyterlab": "to open the notebooks",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["--try"]).smoke_test
    True
    """
    parser.add_argument(
        "--try",
        dest="smoke_test",
        action="store_true",
        help="also build, train, save, export and run a tiny model (less than 30 seconds)",
    )


def run(args: argparse.Namespace) -> int:
    """Print the results; return 0 if no requirement is missing and `--try`, if set, passed; otherwise 1.

    Example:

    >>> run(argparse.Namespace(smoke_test=False))
    kerasft ...
    0
    """
    print(f"{'kerasft':<22}{kerasft.__version__}")
    python = platform.python_version()
    print(f"{'python':<22}{python} ({platform.system()} {platform.machine()}){_outside('python', python)}")
    missing, tensorflow = _print_packages()
    problems = []
    if "tensorflow" not in missing and "keras" not in missing:
        problems += _print_devices()
    home = os.environ.get("HF_HOME", os.path.join("~", ".cache", "huggingface"))
    print(f"{'hub cache':<22}{home}{' (offline)' if os.environ.get('HF_HUB_OFFLINE') in ('1', 'true', 'True') else ''}")
    print(f"{'free disk':<22}{shutil.disk_usage('.').free / 2**30:.1f} GiB here")
    if missing:
        problems.append(f"these packages: {_install_command(missing, tensorflow)}")
    if args.smoke_test and not problems:
        problems += _smoke_test()
    print("Nothing is missing." if not problems else f"Missing: {'; '.join(problems)}.")
    sys.stdout.flush()
    return 1 if problems else 0


def _print_packages() -> tuple[list[str], str | None]:
    """Print the version of each package; return the missing requirements, and the name of the TensorFlow package."""
    missing = []
    tensorflow = None
    for package in NEEDED:
        names = _TENSORFLOW if package == "tensorflow" else (package,)
        installed = next((name for name in names if _version(name)), None)
        if installed is None:
            missing.append(package)
            print(f"{package:<22}MISSING")
        else:
            print(f"{installed:<22}{_version(installed)}{_outside(package, _version(installed))}")
        if package == "tensorflow":
            tensorflow = installed
    for requirement, requiring in _missing_requirements(set(missing) | {"tensorflow"}).items():
        missing.append(requirement)
        print(f"{requirement:<22}MISSING ({requiring} needs it)")
    for package, purpose in _OPTIONAL.items():
        print(f"{package:<22}{_version(package) or f'not installed ({purpose})'}")
    return missing, tensorflow


def _missing_requirements(known: set[str]) -> dict[str, str]:
    """Return missing dependencies of the required packages: pip's --no-deps does not install them.

    Args:
        known: Packages to ignore.

    Returns:
        Each requirement (name and versions), and the package that requires it.
    """
    try:
        from packaging.requirements import Requirement  # may be missing itself
    except ModuleNotFoundError:
        return {}
    # astunparse, a dependency of TensorFlow, requires `wheel`; these three packages are not imported at runtime.
    seen = {*known, "pip", "setuptools", "wheel"}
    missing = {}
    waiting = [name for name in NEEDED if _version(name)]
    while waiting:
        package = waiting.pop()
        for line in importlib.metadata.requires(package) or ():
            requirement = Requirement(line)
            name = requirement.name.lower().replace("_", "-")
            if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
                continue
            seen.add(name)
            if _version(name):
                waiting.append(name)
            else:
                missing[f"{name}{requirement.specifier}"] = package
    return missing


def _install_command(missing: list[str], tensorflow: str | None) -> str:
    """Return the command that installs the packages without changing an installed TensorFlow, whatever its name."""
    quoted = [shlex.quote(requirement) for requirement in missing]  # > and < are special in a shell
    if tensorflow is None:
        return f"pip install {' '.join(quoted)}"
    # For these two, pip would also install `tensorflow`, even if another build is installed; and tensorflow-text is
    # compiled for one release of TensorFlow.
    release = ".".join(_version(tensorflow).split(".")[:2])
    pinned = {"keras-hub": "keras-hub", "tensorflow-text": f"'tensorflow-text=={release}.*'"}
    alone = [pinned[name] for name in missing if name in pinned]
    others = [requirement for requirement in quoted if requirement not in pinned]
    commands = [f"pip install --no-deps {' '.join(alone)}"] if alone else []
    commands += [f"pip install {' '.join(others)}"] if others else []
    return " && ".join(commands)


def _outside(package: str, version: str) -> str:
    """Return a note if a version is older or newer than the tested versions."""
    if package not in TESTED:
        return ""
    try:
        from packaging.version import InvalidVersion, Version  # may be missing itself
    except ModuleNotFoundError:
        return ""
    oldest, newest = TESTED[package]
    try:
        installed = Version(version)
    except InvalidVersion:
        return f"  (not tested; tested: {oldest} to {newest})"
    if installed.release < Version(oldest).release:
        return f"  (older than {oldest}, the oldest version tested)"
    if installed.release[: len(Version(newest).release)] > Version(newest).release:
        return f"  (newer than {newest}, the newest version tested)"
    return ""


def _print_devices() -> list[str]:
    import keras  # imported here, because `kerasft --help` must not wait for TensorFlow
    import tensorflow as tf  # for the same reason

    problems = []
    backend = keras.config.backend()
    if backend != "tensorflow":
        problems.append(f"the TensorFlow backend of Keras (it is {backend}; set KERAS_BACKEND=tensorflow)")
    print(f"{'keras backend':<22}{backend}")
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    print(
        f"{'devices':<22}{os.cpu_count()} CPU cores, {len(gpus)} GPU{'s' if len(gpus) != 1 else ''} {' '.join(names)}".rstrip()
    )
    strategy = kerasft.get_strategy("auto")
    print(f"{'strategy (auto)':<22}{type(strategy).__name__}, {strategy.num_replicas_in_sync} replica(s)")
    return problems


def _smoke_test() -> list[str]:
    """Build, train, save, reload, export and run a tiny model; return what failed, as a clause."""
    started = time.perf_counter()
    step = "building"
    texts = ["where is my parcel", "i want my money back"] * 8
    rows = [(text, "order" if "parcel" in text else "refund") for text in texts]
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            kerasft.checkpoints.new_bert(folder / "new_bert", texts, hidden_dim=64, max_sequence_length=16)
            backbone, tokenizer = kerasft.load_pretrained(str(folder / "new_bert"))
            model = kerasft.heads.text_classifier(backbone, ["order", "refund"])
            step = "training"
            train = kerasft.data.text_classification(rows, tokenizer, labels=model.labels, max_length=16, batch_size=8)
            model.compile(optimizer=kerasft.optimizers.AdamW(1e-3), loss=kerasft.losses.for_labels(model.labels))
            model.fit(train, epochs=1, shuffle=False, verbose=0)
            step = "saving"
            kerasft.save_bundle(folder / "bundle", model, tokenizer, max_length=16)
            step = "exporting"
            kerasft.export.litert(folder / "bundle", folder / "litert", quantize="int8", texts=texts[:2])
            step = "running"
            answer = kerasft.pipelines.load(folder / "litert")("where is my parcel")
    except Exception as error:  # report any failure
        reason = " ".join(str(error).split())[:300]
        if not isinstance(error, KerasftError):
            reason = f"{type(error).__name__}: {reason}"
        return [f"a working installation: {step} a tiny model failed ({reason})"]
    seconds = time.perf_counter() - started
    print(f"{'smoke test':<22}passed in {seconds:.0f} s: trained, saved and exported a tiny model ({answer['label']})")
    return []


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
