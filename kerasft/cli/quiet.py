"""Filter for standard error that removes the log lines of C++ libraries."""

import atexit
import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator

_NOISE = re.compile(
    rb"WARNING: All log messages before absl|[IWE]0000 |\d{4}-\d\d-\d\d [\d:.]+: [IWE] (tensorflow|external)/"
    rb"|INFO: |WARNING: \[(npu_registry|compiler_plugin)\.cc|\xe2\x94\x94 Could not load shared library"
    rb"|To enable the following instructions|Skipping registering GPU devices"
)


def is_noise(line: bytes) -> bool:
    """Whether a line is news of TensorFlow's or LiteRT's core that a user can do nothing about.

    Example:

    >>> is_noise(b"I0000 00:00:1795457258.815813   21744 cpu_info.cc:131] oneDNN ..."), is_noise(b"Killed")
    (True, False)
    """
    return _NOISE.match(line) is not None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Filter what C++ writes to standard error; what Python writes there is passed on unfiltered and immediately.

    Python gets the true file as its `sys.stderr`, and file descriptor 2 becomes a pipe that a thread reads. Should the
    process crash in C++, the last lines may be lost; `--debug` leaves standard error alone.

    Example:

    >>> with quiet():
    ...     _ = os.write(2, b"I0000 not seen")
    """
    sys.stderr.flush()
    true_stderr = os.dup(2)
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    reader = threading.Thread(target=_pass_on, args=(reading, true_stderr), daemon=True)
    reader.start()
    with contextlib.ExitStack() as python_side:
        if _writes_to(sys.stderr, 2):
            unfiltered = os.fdopen(os.dup(true_stderr), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
            python_side.enter_context(contextlib.redirect_stderr(python_side.enter_context(unfiltered)))
        try:
            yield
        finally:
            os.dup2(true_stderr, 2)  # closes the pipe's writing end, which ends the thread
            reader.join(timeout=1)  # a child process may still hold the pipe open
    if not reader.is_alive():
        os.close(true_stderr)


def quiet_exit() -> None:
    """Drop what C++ writes while the process ends, such as LiteRT's farewell to its accelerators, after Python has said all.

    Example:

    >>> quiet_exit.__name__  # it is for a process of our own
    'quiet_exit'
    """

    def mute() -> None:
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

    atexit.register(mute)


def _writes_to(stream, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, AttributeError):  # a test's or a notebook's replacement
        return False


def _pass_on(reading: int, writing: int) -> None:
    with open(reading, "rb") as lines:
        for line in lines:
            if not is_noise(line):
                os.write(writing, line)
