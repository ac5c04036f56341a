"""Messages for storage errors of any library: full disks, limits, permissions."""

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterator

_FIXES = {
    errno.ENOSPC: "the disk is full. Free some space, or choose another --output.",
    # Windows has no EDQUOT.
    getattr(errno, "EDQUOT", -1): "the disk quota is exceeded. Free some space, or choose another --output.",
    errno.EFBIG: "a file would exceed the size limit (`ulimit -f`). Raise it, or choose another disk.",
    errno.EROFS: "the disk is read-only. Choose another --output.",
    errno.EIO: "the disk reported an I/O error. Choose another --output.",
}
_KINDS = {
    errno.EEXIST: "is a file, but a folder is expected. Choose another path.",
    errno.EISDIR: "is a folder, but a file is expected. Choose another path.",
}
_OTHERS = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)
# Error numbers in messages of Python and h5py; safetensors and tokenizers (Rust).
_NUMBER = re.compile(r"\[Errno (\d+)\]|\berrno = (\d+)|\bos error (\d+)\b")
# TensorFlow's messages have no number, but the path and the system's message: "logs/events.v2; No space left on device".
_PATH = re.compile(r"(?:^|\s)(/?[^\s;]+); $")


def storage_sentence(error: BaseException) -> str | None:
    """Return the message for a storage error; None for other errors.

    Example:

    >>> storage_sentence(OSError(errno.ENOSPC, "No space left on device"))
    'the disk is full. Free some space, or choose another --output.'
    >>> storage_sentence(RuntimeError("Can't write data (errno = 27, error message = 'File too large')"))[:21]
    'a file would exceed t'
    """
    for number, cause in enumerate(_causes(error)):
        if "No usable temporary directory" in str(cause):  # from Python's tempfile, also if the disk is full
            return "no writable folder for temporary files. Free some space, or set TMPDIR."
        code, path = _code_and_path(cause)
        if code in _FIXES:
            return f"{path}: {_FIXES[code]}" if path else _FIXES[code]
        if number == 0 and path and code in _KINDS:
            return f"{path} {_KINDS[code]}"
        if number == 0 and path and code is not None:  # as the cause of another error, a missing file may be unrelated
            return f"{path} cannot be read or written: {os.strerror(code)}. Check the path and its permissions."
    return None


@contextlib.contextmanager
def without_echoes() -> Iterator[None]:
    """Suppress tracebacks of libraries that fail to write again after a first storage error.

    h5py and TensorFlow close files in destructors, where errors cannot be raised: Python prints a traceback instead. The
    first error was raised and converted to a message.

    Example:

    >>> with without_echoes():
    ...     sys.excepthook(OSError, OSError(errno.ENOSPC, "No space left on device"), None)
    """
    hook, unraisable_hook = sys.excepthook, sys.unraisablehook

    def show(kind, error, trace) -> None:
        if storage_sentence(error) is None:
            hook(kind, error, trace)

    def show_unraisable(unraisable) -> None:
        if storage_sentence(unraisable.exc_value) is None:
            unraisable_hook(unraisable)

    sys.excepthook, sys.unraisablehook = show, show_unraisable
    try:
        yield
    finally:
        sys.excepthook, sys.unraisablehook = hook, unraisable_hook


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and its causes: a library that closes its file after a failed write raises another error."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _code_and_path(error: BaseException) -> tuple[int | None, str | None]:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno, None if error.filename is None else str(error.filename)
    text = str(error)
    if match := _NUMBER.search(text):
        return int(next(filter(None, match.groups()))), None
    for code in (*_FIXES, *_OTHERS):
        before, message, _ = text.partition(f"; {os.strerror(code)}")
        if message:
            path = _PATH.search(f"{before}; ")
            return code, path and path.group(1)
    return None, None
