"""What the file system refused, as a sentence, from the errors of every library that writes."""

import errno
import os
import sys
import types

import pytest

from kerasft.cli.storage import storage_sentence, without_echoes

FULL = "the disk is full. Free some space, or choose another --output."


class OpError(Exception):
    """As TensorFlow's, which are not OSErrors."""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), FULL),
        (OSError(errno.ENOSPC, "No space left on device", "out.json"), f"out.json: {FULL}"),
        # h5py, on writing and on closing.
        (OSError("[Errno 28] Can't write data (file write failed: errno = 28, error message = 'No space left on device')"), FULL),
        (RuntimeError("Can't decrement id ref count (file write failed: errno = 28, error message = 'No space ...')"), FULL),
        # safetensors and tokenizers.
        (Exception("No space left on device (os error 28)"), FULL),
        (Exception("I/O error: File too large (os error 27)"), "a file would exceed the size limit"),
        # TensorFlow.
        (OpError("logs/train/events.out.v2; No space left on device"), f"logs/train/events.out.v2: {FULL}"),
        (OpError("Failed to write /x/saved_model.pb; Read-only file system"), "/x/saved_model.pb: the disk is read-only."),
        (OpError("/x/tokens.tfrecord; No such file or directory"), "/x/tokens.tfrecord cannot be read or written: No such"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/t']"), "no writable folder for"),
        (PermissionError(errno.EACCES, "Permission denied", "x.csv"), "x.csv cannot be read or written: Permission denied."),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/dev/null/x"), "/dev/null/x cannot be read or written: Not a"),
        (OSError(errno.EROFS, "Read-only file system", "x"), "x: the disk is read-only."),
        (FileExistsError(errno.EEXIST, "File exists", "x"), "x is a file, but a folder is expected."),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "x"), "x is a folder, but a file is expected."),
    ],
)  # fmt: skip
def test_every_library_says_it_its_own_way(error, sentence):
    assert storage_sentence(error).startswith(sentence)


def test_the_error_that_led_to_another_counts():
    error = RuntimeError("close failed")
    error.__context__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert storage_sentence(error) == FULL
    error.__context__ = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "cache.json")
    assert storage_sentence(error) is None  # looked for, not found, and done without


def test_only_echoes_are_dropped(monkeypatch):
    seen = []
    monkeypatch.setattr("sys.excepthook", lambda kind, error, trace: seen.append(error))
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: seen.append(unraisable.exc_value))
    full, other = RuntimeError("Can't close (errno = 28)"), ValueError("bad")
    with without_echoes():
        for error in (full, other):
            sys.excepthook(type(error), error, None)
            sys.unraisablehook(types.SimpleNamespace(exc_value=error))
    assert seen == [other, other]
    sys.excepthook(OSError, full, None)
    assert seen[2:] == [full]


@pytest.mark.parametrize("error", [ValueError("bad"), OSError("of a library"), OpError("OOM when allocating a tensor")])
def test_other_errors_are_none_of_it(error):
    assert storage_sentence(error) is None
