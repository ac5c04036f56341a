"""Silence a logger temporarily, in the current thread only."""

import contextlib
import contextvars
import logging
from collections.abc import Iterator

_silenced: contextvars.ContextVar[frozenset[str]] = contextvars.ContextVar("silenced loggers", default=frozenset())


@contextlib.contextmanager
def silenced(logger: logging.Logger) -> Iterator[None]:
    """Drop the messages of a logger within this block, if they are reported elsewhere.

    Unlike `logger.disabled`, which holds for the whole process, it does not silence other threads.

    Args:
        logger: The logger; its children are not affected.

    Example:

    >>> logger = logging.getLogger("kerasft")
    >>> with silenced(logger):
    ...     logger.warning("1 of 2 texts is too long")
    """
    logger.addFilter(_is_heard)  # a second time it does nothing
    token = _silenced.set(_silenced.get() | {logger.name})
    try:
        yield
    finally:
        _silenced.reset(token)


def _is_heard(record: logging.LogRecord) -> bool:
    return record.name not in _silenced.get()
