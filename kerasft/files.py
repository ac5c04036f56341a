"""Folders and files that appear whole or not at all."""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def written_aside(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Give a temporary folder to write into; it takes the place of `folder` only if the block ends without an error.

    Args:
        folder: The final place; what is there is replaced.

    Example:

    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "export"
    >>> with written_aside(folder) as aside:
    ...     _ = (aside / "labels.txt").write_text("no")
    >>> [path.name for path in folder.iterdir()]
    ['labels.txt']
    """
    parent = folder.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{folder.name}.") as temporary:
        aside = pathlib.Path(temporary) / "new"
        aside.mkdir()
        yield aside
        if folder.exists():
            folder.rename(pathlib.Path(temporary) / "replaced")
        aside.rename(folder)


@contextlib.contextmanager
def file_written_aside(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Give a temporary path to write to; the file takes the place of `path` only if the block ends without an error.

    Args:
        path: The final place; a file there is replaced.

    Example:

    >>> path = pathlib.Path(tempfile.mkdtemp()) / "graph.csv"
    >>> with file_written_aside(path) as aside:
    ...     _ = aside.write_text("head,tail")
    >>> [item.name for item in path.parent.iterdir()]
    ['graph.csv']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".writing-{os.getpid()}-{path.name}")  # Keras and others look at the suffix
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
