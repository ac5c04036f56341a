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
    """Whether a line is a log message of TensorFlow's or LiteRT's C++ code that is of no use to users.

    Example:

    >>> is_noise(b"I0000 00:00:1795457258.815813   21744 cpu_info.cc:131] oneDNN ..."), is_noise(b"Killed")
    (True, False)
    """
    return _NOISE.match(line) is not None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Filter the C++ output on standard error; Python's output is passed on unfiltered and immediately.

    Python's `sys.stderr` keeps the original file, and file descriptor 2 becomes a pipe that a thread reads. If the process
    crashes in C++, the last lines may be lost; `--debug` disables the filter.

    Example:

    >>> with quiet():
    ...     _ = os.write(2, b"I0000 not seen")
    """
    sys.stderr.flush()
    original_stderr = os.dup(2)
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    reader = threading.Thread(target=_pass_on, args=(reading, original_stderr), daemon=True)
    reader.start()
    with contextlib.ExitStack() as python_side:
        if _writes_to(sys.stderr, 2):
            unfiltered = os.fdopen(
                os.dup(original_stderr), "w", buffering=1, encoding="utf-8", errors="backslashreplace"
            )
            python_side.enter_context(contextlib.redirect_stderr(python_side.enter_context(unfiltered)))
        try:
            yield
        finally:
            os.dup2(original_stderr, 2)  # closes the pipe's writing end, which ends the thread
            reader.join(timeout=1)  # a child process may still hold the pipe open
    if not reader.is_alive():
        os.close(original_stderr)


def quiet_exit() -> None:
    """Discard C++ output at process exit, such as LiteRT's messages about accelerators.

    Example:

    >>> quiet_exit.__name__  # only for the command's own process
    'quiet_exit'
    """

    def mute() -> None:
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

    atexit.register(mute)


def _writes_to(stream, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, AttributeError):  # a replacement in a test or notebook
        return False


def _pass_on(reading: int, writing: int) -> None:
    with open(reading, "rb") as lines:
        for line in lines:
            if not is_noise(line):
                os.write(writing, line)
