"""Folders and files that appear whole or not at all."""

import errno
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from kerasft.files import check_room, file_written_aside, recover, written_aside


class Killed(BaseException):
    pass


def content(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def fail_after_half(path, error):
    path.write_text("half")
    raise error


@pytest.fixture
def old(tmp_path):
    """A folder of ours with `a`, and the user's `notes/mine.txt` in it."""
    folder = tmp_path / "old"
    (folder / "notes").mkdir(parents=True)
    (folder / "a").write_text("old")
    (folder / "notes" / "mine.txt").write_text("mine")
    return folder


def test_a_new_folder_takes_the_place_of_the_old_one_and_what_is_not_ours_stays(old):
    (old / "vocab.txt").write_text("of the old tokenizer")
    with written_aside(old, own=("vocab.txt",)) as aside:
        (aside / "a").write_text("new")
        (aside / "b").write_text("new")
    assert content(old) == {"a": "new", "b": "new", "notes/mine.txt": "mine"}
    assert os.listdir(old.parent) == ["old"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), Killed()])
def test_an_error_while_writing_leaves_the_old_folder_and_nothing_else(old, error):
    before = content(old)
    with pytest.raises(type(error)), written_aside(old) as aside:
        fail_after_half(aside / "a", error)
    assert content(old) == before
    assert os.listdir(old.parent) == ["old"]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_error_while_swapping_leaves_the_old_folder(old, monkeypatch, number):
    before, rename, calls = content(old), pathlib.Path.rename, []

    def failing(self, target):
        calls.append(self)
        if len(calls) == number:
            raise Killed
        return rename(self, target)

    monkeypatch.setattr(pathlib.Path, "rename", failing)
    with pytest.raises(Killed), written_aside(old) as aside:
        (aside / "a").write_text("new")
    assert content(old) == before
    assert os.listdir(old.parent) == ["old"]


def test_a_link_to_a_folder_stays_a_link(old):
    link = old.parent / "link"
    link.symlink_to(old)
    with written_aside(link) as aside:
        (aside / "a").write_text("new")
    assert link.is_symlink()
    assert (old / "a").read_text() == "new"


def run_and_kill(program, folder):
    """Start a process, wait until it says that it is there, and kill it."""
    words = [sys.executable, "-c", f"import pathlib, sys, time\nfolder = pathlib.Path(sys.argv[1])\n{program}", folder]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "there\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


WRITING = """
from kerasft.files import written_aside
with written_aside(folder) as aside:
    (aside / "a").write_text("half")
    print("there", flush=True)
    time.sleep(60)
"""
SWAPPING = """
from kerasft.files import written_aside
rename = pathlib.Path.rename
def stop(self, target):
    if self.name == "new":
        print("there", flush=True)
        time.sleep(60)
    return rename(self, target)
pathlib.Path.rename = stop
with written_aside(folder) as aside:
    (aside / "a").write_text("new")
"""


@pytest.mark.skipif(os.name != "posix", reason="without folder locks nobody knows who is still writing")
def test_what_a_killed_process_left_is_cleared_by_the_next_one(old):
    run_and_kill(WRITING, old)
    assert len(os.listdir(old.parent)) == 2
    with written_aside(old) as aside:
        (aside / "a").write_text("new")
    assert content(old) == {"a": "new", "notes/mine.txt": "mine"}
    assert os.listdir(old.parent) == ["old"]


@pytest.mark.skipif(os.name != "posix", reason="without folder locks nobody knows who is still writing")
def test_a_folder_that_was_being_swapped_comes_back(old):
    run_and_kill(SWAPPING, old)
    assert not old.exists()
    recover(old)
    assert (old / "a").read_text() == "old"
    assert os.listdir(old.parent) == ["old"]


@pytest.mark.skipif(os.name != "posix", reason="without folder locks nobody knows who is still writing")
def test_what_somebody_is_writing_is_left_alone(old):
    with written_aside(old) as aside:
        (aside / "a").write_text("first")
        recover(old)
        assert (aside / "a").read_text() == "first"


def test_a_file_takes_the_place_of_the_old_one_with_its_permissions(tmp_path):
    path = tmp_path / "sub" / "a.txt"
    with file_written_aside(path) as aside:
        aside.write_text("old")
    path.chmod(0o640)
    with file_written_aside(path) as aside:
        aside.write_text("new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(path.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), Killed()])
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)), file_written_aside(path) as aside:
        fail_after_half(aside, error)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_link_to_a_file_stays_a_link_and_a_folder_is_no_file(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "link").symlink_to("a.txt")
    with file_written_aside(tmp_path / "link") as aside:
        aside.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a.txt").read_text() == "new"
    with pytest.raises(IsADirectoryError), file_written_aside(tmp_path):
        pass


@pytest.mark.skipif(os.name != "posix", reason="pipes in folders")
def test_a_pipe_or_device_is_written_to_and_not_replaced(tmp_path):
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()))
    reader.start()
    with file_written_aside(pipe) as aside:
        aside.write_text("through")
    reader.join(10)
    assert received == ["through"]
    assert pipe.is_fifo()
    with file_written_aside("/dev/null") as aside:
        aside.write_text("gone")
    assert not pathlib.Path("/dev/null").is_file()


@pytest.mark.skipif(not hasattr(os, "fsync"), reason="no fsync")
def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    events, replace, rename = [], os.replace, pathlib.Path.rename
    monkeypatch.setattr(os, "fsync", lambda descriptor: events.append("flush"))
    monkeypatch.setattr(os, "replace", lambda *names: (events.append("name"), replace(*names)))
    monkeypatch.setattr(pathlib.Path, "rename", lambda *names: (events.append("name"), rename(*names)))
    with file_written_aside(tmp_path / "a") as aside:
        aside.write_text("a")
    assert events[:2] == ["flush", "name"]
    events.clear()
    with written_aside(tmp_path / "f") as aside:
        (aside / "a").write_text("a")
    assert events.index("name") >= 2  # the file and its folder


def test_a_disk_without_room_is_known_before(tmp_path, monkeypatch):
    check_room(tmp_path / "new" / "a.h5", [1000])
    usage = type("Usage", (), {"total": 10**6, "free": 30_000})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match=r"No space left on device: .*a\.h5") as caught:
        check_room(tmp_path / "new" / "a.h5", [1000, 20_000])
    assert caught.value.errno == errno.ENOSPC
