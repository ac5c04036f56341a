"""Conversion of text offsets from other units to characters."""


def from_utf16(text: str, offset: int) -> int | None:
    """Convert an offset in UTF-16 code units (JavaScript, Java, C#) to characters; None if it is out of range.

    Example:

    >>> from_utf16("\\U0001f600 Rome", 3)
    2
    """
    return _counted(text, offset, encoding="utf-16-le", size=2)


def from_utf8(text: str, offset: int) -> int | None:
    """Convert an offset in UTF-8 bytes to characters; None if it is out of range.

    Example:

    >>> from_utf8("caf\\u00e9 Rome", 6)
    5
    """
    return _counted(text, offset, encoding="utf-8", size=1)


def _counted(text: str, offset: int, *, encoding: str, size: int) -> int | None:
    if offset < 0:
        return None
    encoded = text.encode(encoding, "surrogatepass")
    if size * offset > len(encoded):
        return None
    return len(encoded[: size * offset].decode(encoding, "ignore"))


UNITS = {"UTF-16 code units (JavaScript, Java)": from_utf16, "bytes of UTF-8": from_utf8}
"""Other offset units -> conversion to characters."""
