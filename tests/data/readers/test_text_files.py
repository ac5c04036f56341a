"""Data files as bytes: what is no ordinary file, and what is too large."""

import gzip
import os

import pytest

from kerasft.data import read_texts
from kerasft.errors import DataError, KerasftError


def test_what_is_larger_or_unpacks_to_more_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASFT_MAX_DATA_BYTES", "100")
    (tmp_path / "a.csv").write_bytes(b"text,label\n" + b"a,b\n" * 30)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(bytes(10**7)))
    for name in ("a.csv", "b.csv.gz"):
        with pytest.raises(
            DataError, match=rf"{name}: the file exceeds 100 bytes\. .*KERASFT_MAX_DATA_BYTES above 100"
        ):
            read_texts(tmp_path / name)
    monkeypatch.setenv("KERASFT_MAX_DATA_BYTES", "1000")
    assert len(read_texts(tmp_path / "a.csv")) == 30


def test_a_limit_that_is_no_number_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASFT_MAX_DATA_BYTES", "4 GB")
    (tmp_path / "a.csv").write_text("text,label\na,b\n")
    with pytest.raises(KerasftError, match=r"`KERASFT_MAX_DATA_BYTES` must be a whole number; received: '4 GB'"):
        read_texts(tmp_path / "a.csv")


def test_a_pipe_or_device_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    (tmp_path / "b.csv").symlink_to("/dev/zero")
    for name in ("a.csv", "b.csv"):
        with pytest.raises(DataError, match=f"{name}: expected a regular file"):
            read_texts(tmp_path / name)
