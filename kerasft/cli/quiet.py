"""TensorFlow's start without the lines that its C++ core writes before any setting of ours can stop it."""

import importlib
import os
import sys
import tempfile

_NOISE = ("WARNING: All log messages before", "I0000 ", "E0000 ", "W0000 ", "To enable the following instructions")


def start_tensorflow() -> None:
    """Import TensorFlow with standard error held back, then print what was not noise.

    Example:

    >>> start_tensorflow()
    """
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            # Looking for a GPU is a part of the start, and says so if there is none.
            importlib.import_module("tensorflow").config.list_physical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            held_back.seek(0)
            lines = held_back.read().decode("utf-8", "replace").splitlines()
            for line in lines:
                if not line.startswith(_NOISE):
                    print(line, file=sys.stderr)
