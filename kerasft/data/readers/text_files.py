"""Reading of text files as Unicode; errors give location and cause."""

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


def say(path: Path, message: str) -> None:
    """Log how a file is read, if that was detected and not specified.

    This is a warning of the logger "kerasft", which goes to standard error by default.
    """
    logger.warning("%s: %s.", path, message)


def most_bytes() -> int:
    """Return the maximum size of a data file in bytes: 1 GiB, or the environment variable KERASFT_MAX_DATA_BYTES."""
    return limit("DATA_BYTES")


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, decompressed if its name ends in ".gz".

    Raises:
        DataError: If it is empty, cannot be read, or its uncompressed size exceeds `most_bytes`.
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
    """Return (not raise) the error for a file whose uncompressed size exceeds `most_bytes`."""
    problem = f"the file exceeds {most_bytes()} bytes"
    return bad_data(str(path), problem, f"Split the file. {how_to_raise('DATA_BYTES')}")


def read_text(path: Path) -> str:
    """Decode a text file: UTF-8, or UTF-16 if it has a byte order mark; the mark is removed.

    Raises:
        DataError: If the encoding is invalid, or there is a NUL character (the message gives the line), or the number of lines
            or values exceeds the limits in docs/security.md.
    """
    content = read_bytes(path)
    is_utf16 = content[:2] in _UTF16
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong_encoding(path, content, error, is_utf16) from error
    if is_utf16:
        say(path, "read as UTF-16")
    text = text.replace("\n\ufeff", "\n")  # concatenated files with byte order marks
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
        raise bad_data(str(path), "the file contains only whitespace", "Add at least one row.")
    return text


def split_lines(text: str) -> list[str]:
    """Split a text at LF or CRLF; a lone CR ends lines only if there is no LF (old Mac files).

    Other Unicode line separators, such as U+2028, may be part of a text and do not end lines.
    """
    return [line.removesuffix("\r") for line in (text.split("\n") if "\n" in text else text.split("\r"))]


def path_suffix(path: Path) -> str:
    """Return the file extension, ignoring ".gz" and the "-00000-of-00005" of sharded files."""
    return Path(re.sub(r"(-\d+-of-\d+)?(\.gz)?$", "", path.name, flags=re.IGNORECASE)).suffix.lower()


def _wrong_encoding(path: Path, content: bytes, error: UnicodeDecodeError, is_utf16: bool) -> DataError:
    if is_utf16:
        problem = f"invalid UTF-16 at byte {error.start} ({error.reason})"
        return bad_data(str(path), problem, "Save the file as UTF-8.")
    # Windows-1252 is the default of spreadsheets. But the encoding cannot be detected reliably, and an incorrect guess would
    # corrupt texts silently, so the user decides.
    line = content.count(b"\n", 0, error.start) + 1
    suffix = "".join(path.suffixes[:1])
    return bad_data(
        str(path),
        f"invalid UTF-8 at byte {error.start} ({error.reason}); the file is probably WINDOWS-1252",
        f'Save it as "CSV UTF-8" in the spreadsheet, or convert it: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8{suffix}',
        line=line,
        value=content[max(0, error.start - 10) : error.start + 10],
    )
