"""Conversion of text offsets from other units to characters."""


def from_utf16(text: str, place: int) -> int | None:
    """The place in characters of a place in UTF-16 code units, as JavaScript, Java and C# count; None if it is none.

    Example:

    >>> from_utf16("\\U0001f600 Rome", 3)
    2
    """
    return _counted(text, place, encoding="utf-16-le", size=2)


def from_utf8(text: str, place: int) -> int | None:
    """The place in characters of a place in bytes of UTF-8; None if it is none.

    Example:

    >>> from_utf8("caf\\u00e9 Rome", 6)
    5
    """
    return _counted(text, place, encoding="utf-8", size=1)


def _counted(text: str, place: int, *, encoding: str, size: int) -> int | None:
    if place < 0:
        return None
    encoded = text.encode(encoding, "surrogatepass")
    if size * place > len(encoded):
        return None
    return len(encoded[: size * place].decode(encoding, "ignore"))


UNITS = {"UTF-16 code units (JavaScript, Java)": from_utf16, "bytes of UTF-8": from_utf8}
"""Other offset units -> conversion to characters."""
