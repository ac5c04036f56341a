"""Two runs into one folder: the second is refused, and a dead process holds nothing."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from kerasft import locks
from kerasft.errors import KerasftError
from kerasft.locks import has_locked, is_held, lock_folder, unlock_folder

HOLD = """
import sys, time
from kerasft.locks import lock_folder
lock_folder(sys.argv[1], name="output", value="reviews")
print("there", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that has locked `tmp_path / "x.run"`."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "x.run"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "there\n"
    yield process
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def lock(folder):
    lock_folder(folder, name="output", value="reviews")


@pytest.mark.skipif(os.name != "posix", reason="flock")
@pytest.mark.parametrize("has_flock", [True, False])
def test_the_second_process_is_refused_until_the_first_dies(tmp_path, other, monkeypatch, has_flock):
    folder = tmp_path / "x.run"
    if not has_flock:  # as on some network drives
        monkeypatch.setattr(locks, "_try_to_lock", lambda descriptor: None)
    pattern = (
        rf"`output` must be a folder that no other run .* received: 'reviews'\. process {other.pid} on \S+ is writing"
    )
    with pytest.raises(KerasftError, match=pattern):
        lock(folder)
    assert not has_locked(folder)
    other.send_signal(signal.SIGKILL)
    other.wait()
    lock(folder)
    assert has_locked(folder)
    unlock_folder(folder)
    assert not has_locked(folder)
    assert not folder.exists()


def test_the_same_thread_may_lock_again_and_another_may_not(tmp_path):
    tmp_path = tmp_path / "x.run"
    lock(tmp_path)
    lock(tmp_path)  # a cell of a notebook that failed is run again
    found = []

    def in_thread():
        try:
            lock(tmp_path)
        except KerasftError as error:
            found.append(str(error))

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    unlock_folder(tmp_path)
    assert "Another thread of this process" in found[0]


@pytest.mark.parametrize("note", ["", "{", "[1]", '{"pid": "x"}', '{"pid": 999999999, "host": "elsewhere"}'])
def test_a_note_of_nobody_does_not_count(tmp_path, monkeypatch, note):
    monkeypatch.setattr(locks, "_try_to_lock", lambda descriptor: None)
    (tmp_path / "lock").write_text(note)
    (tmp_path / "other").write_text("stays")
    lock(tmp_path)
    unlock_folder(tmp_path)
    assert os.listdir(tmp_path) == ["other"]


def test_where_locks_are_unknown_nothing_is_taken_for_abandoned(tmp_path, monkeypatch):
    assert not is_held(tmp_path)
    monkeypatch.setattr(locks, "fcntl", None)
    assert is_held(tmp_path)
    with locks.held(tmp_path):
        lock(tmp_path / "x.run")
    unlock_folder(tmp_path / "x.run")
