"""Variable-length integers of Protocol Buffers and LevelDB: seven bits per byte, least significant first."""


def varint(data: bytes, place: int) -> tuple[int, int]:
    """Decode an integer of at most ten bytes; return it and the position after it.

    Args:
        data: The bytes.
        place: Start position.

    Raises:
        ValueError: If it is truncated, or longer than ten bytes.

    Example:

    >>> varint(bytes([172, 2, 7]), 0)
    (300, 2)
    """
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("truncated varint")
