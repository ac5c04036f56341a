"""Trust in files: none by default, unless the user grants it; and the error for refused files."""

import contextlib
import contextvars
import os
from collections.abc import Iterator

from kerasft.errors import CheckpointError

_trusted = contextvars.ContextVar("kerasft_trusted", default=False)


@contextlib.contextmanager
def trust(trusted: bool = True) -> Iterator[None]:
    """Load files within this block without the checks of this module, because you know who made them.

    Args:
        trusted: False leaves all as it is, for a flag that is passed on.

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
    """Tell whether the checks are switched off.

    Example:

    >>> is_trusted()
    False
    """
    return _trusted.get()


def refuse(path: str | os.PathLike, problem: str) -> CheckpointError:
    """Return the error for a file that is not opened.

    Args:
        path: The file.
        problem: What is in it, as the rest of a sentence that begins with its name.

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
        kind: What it should be.
        error: What is wrong with it.

    Example:

    >>> print(damaged("m.tflite", "a LiteRT file", "it is empty"))
    m.tflite cannot be read as a LiteRT file: it is empty. Export or copy it again.
    """
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return CheckpointError(f"{path} cannot be read as {kind}: {reason}. Export or copy it again.")
