"""Reading of text files as Unicode, with errors that give location and cause."""

import codecs
import gzip
import logging
import re
import zlib
from pathlib import Path

from kerasft import security
from kerasft.errors import DataError, bad_data
from kerasft.limits import how_to_raise, limit

logger = logging.getLogger("kerasft")

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def say(path: Path, found: str) -> None:
    """Print one line about how a file is read, where that was found out and not told.

    A warning of the logger "kerasft": Python shows it on standard error by default, so nothing is guessed in silence.
    """
    logger.warning("%s: %s.", path, found)


def most_bytes() -> int:
    """The largest data file that is read, in bytes: 1 GiB, or what the environment variable KERASFT_MAX_DATA_BYTES says."""
    return limit("DATA_BYTES")


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked if its name ends in ".gz".

    Raises:
        DataError: If it is empty, cannot be read, or has or unpacks to more than `most_bytes`.
    """
    if path.exists() and not path.is_file():
        raise bad_data(str(path), "expected a regular file", "Copy its content to a file, and use that.")
    most = most_bytes()
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise bad_data(
            str(path), f"the file cannot be read ({error})", "Check the file and its permissions."
        ) from error
    if len(content) > most:
        raise too_large(path)
    if not content:
        raise bad_data(str(path), "the file is empty", "Add at least one row.")
    return content


def too_large(path: Path) -> DataError:
    """Return (not raise) the error for a file that has, or unpacks to, more than `most_bytes`."""
    problem = f"the file exceeds {most_bytes()} bytes"
    return bad_data(str(path), problem, f"Split the file. {how_to_raise('DATA_BYTES')}")


def read_text(path: Path) -> str:
    """The file's text: UTF-8, or UTF-16 where a byte order mark says so; the mark is dropped.

    Raises:
        DataError: If the bytes are not of this encoding, or one character is NUL; the message names the line. If there are more
            lines or values than docs/security.md allows.
    """
    content = read_bytes(path)
    is_utf16 = content[:2] in _UTF16
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong_encoding(path, content, error, is_utf16) from error
    if is_utf16:
        say(path, "read as UTF-16")
    text = text.replace("\n\ufeff", "\n")  # files with byte order marks, one after the other
    if "\0" in text:
        # ASCII in UTF-16 without a byte order mark is valid UTF-8 in which every other character is NUL.
        likely = text.count("\0") > len(text) // 3
        raise bad_data(
            str(path),
            "a NUL byte: this is not a plain text file" + (", or UTF-16 without a byte order mark" if likely else ""),
            "Save it as UTF-8." if likely else "Check the program that wrote the file.",
            line=text.count("\n", 0, text.index("\0")) + 1,
        )
    security.check_text_file(text, str(path))
    if not text.strip():
        raise bad_data(str(path), "the file contains only white space", "Add at least one row.")
    return text


def split_lines(text: str) -> list[str]:
    """The lines of a text without their ends: LF or CRLF; a lone CR ends lines only where there is no LF (old Mac files).

    Other line separators of Unicode, such as U+2028, may be part of a text and end no line.
    """
    return [line.removesuffix("\r") for line in (text.split("\n") if "\n" in text else text.split("\r"))]


def path_suffix(path: Path) -> str:
    """The ending that tells the format, without ".gz" and without the "-00000-of-00005" of sharded files."""
    return Path(re.sub(r"(-\d+-of-\d+)?(\.gz)?$", "", path.name, flags=re.IGNORECASE)).suffix.lower()


def _wrong_encoding(path: Path, content: bytes, error: UnicodeDecodeError, is_utf16: bool) -> DataError:
    if is_utf16:
        problem = f"invalid UTF-16 at byte {error.start} ({error.reason})"
        return bad_data(str(path), problem, "Save the file as UTF-8.")
    # Windows-1252 is what spreadsheets write where UTF-8 was not chosen. Which encoding it is cannot be known for certain,
    # and a wrong guess would spoil the texts silently, so the user decides.
    line = content.count(b"\n", 0, error.start) + 1
    suffix = "".join(path.suffixes[:1])
    return bad_data(
        str(path),
        f"invalid UTF-8 at byte {error.start} ({error.reason}); the file is probably WINDOWS-1252",
        f'Save it as "CSV UTF-8" in the spreadsheet, or convert it: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8{suffix}',
        line=line,
        value=content[max(0, error.start - 10) : error.start + 10],
    )
