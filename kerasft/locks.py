"""Folder locks between processes, held by the operating system: they end with the process."""

import contextlib
import json
import os
import pathlib
import socket
import threading
from collections.abc import Iterator

from kerasft.errors import bad_argument

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK_FILE = "lock"
_locked: dict[str, tuple[int, int]] = {}  # by folder: the open lock file, and the thread that locked it


def lock_folder(folder: str | os.PathLike, *, name: str, value: object) -> None:
    """Lock a folder for this process, until `unlock_folder` or its end. The thread that holds the lock may lock it again.

    Args:
        folder: Created if missing. Its file `lock` records the owner.
        name: The argument that named the folder, for the message.
        value: The argument's value.

    Raises:
        KerasftError: If another process, or another thread of this one, holds the lock; the message says which.

    Example:

    >>> lock_folder(pathlib.Path("reviews.run"), name="output", value="reviews")
    >>> unlock_folder(pathlib.Path("reviews.run"))
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    key = os.path.realpath(folder)
    thread = threading.get_ident()
    expected = "a folder that no other run writes to"
    if key in _locked:
        descriptor, owner = _locked[key]
        if owner != thread and owner in {other.ident for other in threading.enumerate()}:
            raise bad_argument(
                name, expected, str(value), "Another thread of this process is using it; choose another folder."
            )
        _locked[key] = (descriptor, thread)
        return
    path = folder / LOCK_FILE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    note = _read_note(path)
    free = _try_to_lock(descriptor)
    if free is None:  # a network drive without locks: rely on the note
        free = not _is_alive_here(note)
    if not free:
        os.close(descriptor)
        who = f"process {note.get('pid', 'unknown')} on {note.get('host', 'an unknown machine')}"
        raise bad_argument(
            name, expected, str(value), f"{who} is writing there; wait until it has finished, or choose another folder."
        )
    _locked[key] = (descriptor, thread)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
    except OSError:  # the disk is full
        unlock_folder(folder)
        raise


def unlock_folder(folder: str | os.PathLike) -> None:
    """Release the lock of a folder; remove the lock file, and the folder if it is empty.

    No effect if this process has not locked it.

    Example:

    >>> unlock_folder("never/locked")
    """
    descriptor, _ = _locked.pop(os.path.realpath(folder), (None, None))
    if descriptor is not None:
        with contextlib.suppress(OSError):  # Windows cannot remove open files; folders with files stay
            (pathlib.Path(folder) / LOCK_FILE).unlink()
            pathlib.Path(folder).rmdir()
        os.close(descriptor)


def has_locked(folder: str | os.PathLike) -> bool:
    """Whether this process has locked a folder by `lock_folder`.

    Example:

    >>> has_locked("never/locked")
    False
    """
    return os.path.realpath(folder) in _locked


@contextlib.contextmanager
def held(folder: str | os.PathLike) -> Iterator[None]:
    """Within this block `is_held` is true of the folder in every process, where the file system can lock folders.

    Example:

    >>> with held(pathlib.Path(".")):
    ...     is_held(pathlib.Path("."))
    True
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _try_to_lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def is_held(folder: str | os.PathLike) -> bool:
    """Whether any process is inside `held(folder)`; also true if this cannot be determined.

    Example:

    >>> is_held(pathlib.Path("."))
    False
    """
    if fcntl is None:
        return True
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return True
    try:
        return _try_to_lock(descriptor) is not True
    finally:
        os.close(descriptor)


def _try_to_lock(descriptor: int) -> bool | None:
    """True: locked until the descriptor is closed; False: locked by another process; None: the file system has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _read_note(path: pathlib.Path) -> dict:
    try:
        note = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):  # missing, or its writer was killed
        return {}
    return note if isinstance(note, dict) else {}


def _is_alive_here(note: dict) -> bool:
    """Whether the process of a note runs on this machine. Notes of other machines cannot be checked and are ignored."""
    pid = note.get("pid")
    if os.name != "posix" or note.get("host") != socket.gethostname() or not isinstance(pid, int) or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is running, as another user
        return True
    return True
