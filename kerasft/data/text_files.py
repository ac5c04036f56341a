"""Reading a text file as UTF-8, with an error that says where and why when that cannot be done."""

import gzip
import zlib
from pathlib import Path

from kerasft.errors import DataError, bad_data

_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked if its name ends in ".gz".

    Raises:
        DataError: If it is empty or cannot be read.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise bad_data(
            str(path), f"the file cannot be read ({error})", "Check the file and its permissions."
        ) from error
    if not content:
        raise bad_data(str(path), "the file is empty", "Give a file with at least one row.")
    return content


def read_text(path: Path) -> str:
    """The file's text; UTF-8 is expected, a byte order mark is dropped.

    Raises:
        DataError: If the bytes are not UTF-8, or one of them is NUL; the message names the line.
    """
    content = read_bytes(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong_encoding(path, content, error) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise bad_data(
            str(path), "a NUL byte: this is not a plain text file", "Check how the file was written.", line=line
        )
    if not text.strip():
        raise bad_data(str(path), "the file holds only white space", "Give a file with at least one row.")
    return text


def _wrong_encoding(path: Path, content: bytes, error: UnicodeDecodeError) -> DataError:
    # Windows-1252 is what spreadsheets write where UTF-8 was not asked for; a byte order mark tells UTF-16 for certain.
    likely = _BOMS.get(content[:2], "WINDOWS-1252")
    line = content.count(b"\n", 0, error.start) + 1
    return bad_data(
        str(path),
        f"byte {error.start} is not UTF-8 ({error.reason}); the file is probably {likely}",
        f"Convert it: iconv -f {likely} -t UTF-8 {path.name} > converted{path.suffix}",
        line=line,
        value=content[max(0, error.start - 10) : error.start + 10],
    )
