"""Atomic writes of folders and files."""

import contextlib
import errno
import glob
import os
import pathlib
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator

from kerasft import locks

try:
    import resource
except ImportError:  # Windows
    resource = None


def local_path(path: str | os.PathLike) -> pathlib.Path:
    """Return a path that the user gave, with a leading `~` expanded to the home folder, for paths that no shell has expanded.

    Example:

    >>> local_path("saved_models/reviews").parts
    ('saved_models', 'reviews')
    >>> local_path("~/reviews") == pathlib.Path.home() / "reviews"
    True
    """
    return pathlib.Path(os.path.expanduser(path))


@contextlib.contextmanager
def written_aside(folder: str | os.PathLike, *, own: Collection[str] = ()) -> Iterator[pathlib.Path]:
    """Yield a temporary folder to write into; it replaces `folder` only if the block ends without an error.

    Files of the old folder that are neither in the new one nor listed in `own` are not ours and are kept.

    Args:
        folder: The final location; an existing folder of ours is replaced.
        own: File names that an older version of the folder may contain and the new one may lack.

    Example:

    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "export"
    >>> with written_aside(folder) as aside:
    ...     _ = (aside / "labels.txt").write_text("no")
    >>> [path.name for path in folder.iterdir()]
    ['labels.txt']
    """
    folder = pathlib.Path(os.path.realpath(folder))  # a link stays a link
    parent = folder.parent
    prefix = _prefix(folder)
    parent.mkdir(parents=True, exist_ok=True)
    recover(folder)
    with tempfile.TemporaryDirectory(dir=parent, prefix=prefix) as temporary, locks.held(temporary):
        aside = pathlib.Path(temporary) / "new"
        aside.mkdir()
        yield aside
        _flush_to_disk(aside)
        _swap(folder, aside, pathlib.Path(temporary) / "replaced", own)
    _flush_folder(parent)


def _swap(folder: pathlib.Path, aside: pathlib.Path, replaced: pathlib.Path, own: Collection[str]) -> None:
    """Replace `folder` by `aside`, keeping files that are not ours; on failure, restore everything."""
    moved = []
    try:
        if folder.exists():
            for path in list(folder.iterdir()):
                if path.name not in own and not os.path.lexists(aside / path.name):
                    moved.append(path)
                    path.rename(aside / path.name)
            folder.rename(replaced)
        aside.rename(folder)
    except BaseException:  # signals can also arrive between two of these steps
        if not folder.exists() and replaced.exists():
            replaced.rename(folder)
        for path in moved:
            if os.path.lexists(aside / path.name):
                (aside / path.name).rename(path)
        raise


def recover(folder: str | os.PathLike) -> None:
    """Clean up after a killed `written_aside`; if it was killed while swapping, restore the old folder.

    Example:

    >>> recover(pathlib.Path("export"))
    """
    folder = pathlib.Path(folder)
    for path in folder.parent.glob(f"{glob.escape(_prefix(folder))}*"):
        if not path.is_dir() or locks.is_held(path):
            continue
        if (path / "replaced").exists() and not folder.exists():
            (path / "replaced").rename(folder)
        shutil.rmtree(path, ignore_errors=True)


def _prefix(folder: pathlib.Path) -> str:
    return f".{folder.name}.writing-"


@contextlib.contextmanager
def file_written_aside(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yield a temporary path to write to; the file replaces `path` only if the block ends without an error.

    A device or a pipe, such as `/dev/stdout`, is written to directly.

    Args:
        path: The final path; an existing file is replaced.

    Example:

    >>> path = pathlib.Path(tempfile.mkdtemp()) / "graph.csv"
    >>> with file_written_aside(path) as aside:
    ...     _ = aside.write_text("head,tail")
    >>> [item.name for item in path.parent.iterdir()]
    ['graph.csv']
    """
    target = pathlib.Path(os.path.realpath(path))  # a link stays a link
    if str(path).startswith("/dev/") or (target.exists() and not target.is_file() and not target.is_dir()):
        yield pathlib.Path(path)
        return
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".writing-{os.getpid()}-{target.name}")  # Keras and others look at the suffix
    try:
        yield aside
        _flush_file(aside)
        if target.exists():
            shutil.copymode(target, aside)
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    _flush_folder(target.parent)


def check_room(path: str | os.PathLike, sizes: Iterable[int]) -> None:
    """Raise if a file does not fit on its disk, or exceeds the system's file size limit.

    For libraries such as HDF5, which fail again in destructors, or crash, after a partial write.

    Args:
        path: The file to be written; its folder need not exist yet.
        sizes: Sizes of its arrays in bytes.

    Raises:
        OSError: As the system would raise it, with the file's name.

    Example:

    >>> check_room("model.h5", [1000])
    """
    needed = sum(size + 4096 for size in sizes) + 16384  # what HDF5 writes around each array and file
    path = pathlib.Path(path).absolute()
    usage = shutil.disk_usage(next(folder for folder in path.parents if folder.is_dir()))
    if usage.total > 0 and usage.free < needed:  # some network drives report 0 of 0
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0] if resource else -1
    if resource and limit != resource.RLIM_INFINITY and limit < needed:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))


def _flush_to_disk(folder: pathlib.Path) -> None:
    for root, _, names in os.walk(folder):
        for name in names:
            _flush_file(pathlib.Path(root) / name)
        _flush_folder(pathlib.Path(root))


def _flush_file(path: pathlib.Path) -> None:
    """Without this, a renamed file can be empty after a power failure. Errors are real ones."""
    descriptor = os.open(path, os.O_RDWR)  # Windows flushes only files opened for writing
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(path: pathlib.Path) -> None:
    with contextlib.suppress(OSError):  # Windows and some network drives cannot flush folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
