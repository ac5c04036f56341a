"""Print versions, devices, the strategy that "auto" takes, and what is missing.

Exit code 1 if something that every run needs is missing.
"""

import argparse
import importlib.metadata
import os
import platform
import shutil
import sys

import kerasft

_NEEDED = (
    "tensorflow", "keras", "keras-hub", "tensorflow-text", "transformers", "tokenizers", "huggingface-hub", "safetensors",
    "tensorflow-datasets", "tensorboard", "ai-edge-litert", "numpy", "scikit-learn", "matplotlib",
)  # fmt: skip
_OPTIONAL = {"torch": "to read .bin checkpoints and to run benchmarks", "jupyterlab": "to open the notebooks"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Doctor takes no argument.

    Example:

    >>> add_arguments(argparse.ArgumentParser())
    """


def run(args: argparse.Namespace) -> int:
    """Print the findings; return 0 if nothing needed is missing, else 1.

    Example:

    >>> run(argparse.Namespace())
    kerasft ...
    0
    """
    missing = []
    print(f"{'kerasft':<22}{kerasft.__version__}")
    print(f"{'python':<22}{platform.python_version()} ({platform.system()} {platform.machine()})")
    for package in _NEEDED:
        version = _version(package)
        print(f"{package:<22}{version or 'MISSING: pip install ' + package}")
        if version is None:
            missing.append(package)
    for package, purpose in _OPTIONAL.items():
        print(f"{package:<22}{_version(package) or f'not installed ({purpose})'}")
    if "tensorflow" not in missing and "keras" not in missing:
        _print_devices(missing)
    home = os.environ.get("HF_HOME", os.path.join("~", ".cache", "huggingface"))
    print(f"{'hub cache':<22}{home}{' (offline)' if os.environ.get('HF_HUB_OFFLINE') in ('1', 'true', 'True') else ''}")
    print(f"{'free disk':<22}{shutil.disk_usage('.').free / 2**30:.1f} GiB here")
    print("Nothing is missing." if not missing else f"Missing: {', '.join(missing)}.")
    sys.stdout.flush()
    return 1 if missing else 0


def _print_devices(missing: list[str]) -> None:
    import keras  # here and not above: `kerasft --help` must not wait for TensorFlow
    import tensorflow as tf  # for the same reason

    backend = keras.config.backend()
    if backend != "tensorflow":
        missing.append(f"the TensorFlow backend of Keras (it is {backend}; set KERAS_BACKEND=tensorflow)")
    print(f"{'keras backend':<22}{backend}")
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    print(
        f"{'devices':<22}{os.cpu_count()} CPU cores, {len(gpus)} GPU{'s' if len(gpus) != 1 else ''} {' '.join(names)}".rstrip()
    )
    strategy = kerasft.get_strategy("auto")
    print(f"{'strategy (auto)':<22}{type(strategy).__name__}, {strategy.num_replicas_in_sync} replica(s)")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
