"""Trust in files, which only the user can grant, and the errors for rejected files."""

import contextlib
import contextvars
import os
from collections.abc import Iterator

from kerasft.errors import CheckpointError

_trusted = contextvars.ContextVar("kerasft_trusted", default=False)


@contextlib.contextmanager
def trust(trusted: bool = True) -> Iterator[None]:
    """Disable the checks of this package within this block, for files from a trusted source.

    Args:
        trusted: False changes nothing; convenient for passing on a flag.

    Example:

    >>> with trust():
    ...     is_trusted()
    True
    """
    token = _trusted.set(trusted or _trusted.get())
    try:
        yield
    finally:
        _trusted.reset(token)


def is_trusted() -> bool:
    """Return whether the checks are disabled.

    Example:

    >>> is_trusted()
    False
    """
    return _trusted.get()


def refuse(path: str | os.PathLike, problem: str) -> CheckpointError:
    """Return the error for a file that is rejected.

    Args:
        path: The file.
        problem: The reason, as the rest of a sentence that begins with the file's name.

    Example:

    >>> print(refuse("m.keras", "names the class 'Lambda'"))
    m.keras names the class 'Lambda'. It was not opened, since such a file can be harmful. If you trust its source: ...
    """
    return CheckpointError(
        f"{path} {problem}. It was not opened, since such a file can be harmful. If you trust its source: trust=True, or --trust "
        "on the command line. See docs/security.md."
    )


def damaged(path: str | os.PathLike, kind: str, error: object) -> CheckpointError:
    """Return the error for a file that cannot be read.

    Args:
        path: The file.
        kind: The expected format.
        error: The reason.

    Example:

    >>> print(damaged("m.tflite", "a LiteRT file", "it is empty"))
    m.tflite cannot be read as a LiteRT file: it is empty. Export or copy it again.
    """
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return CheckpointError(f"{path} cannot be read as {kind}: {reason}. Export or copy it again.")
