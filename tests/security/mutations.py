"""Changes of whole files: JSON with places replaced, files with flipped bits. Without kerasft: the fuzzer imports that itself."""

import json
import pathlib
import random
import struct
from collections.abc import Iterator

NUMBERS = [0, -1, 1, 2**31, 2**31 - 1, 10**7, 10**9, 10**18, 10**400, 0.5, 1e308, True]
LONGEST = 100_000
"""Characters of JSON that one change adds by repetition."""
VALUES = [*NUMBERS, None, "", "x", "../../../etc/passwd", [], {}, [[]], "\ud800", "0" * 10_000, [0] * 1000]


def _paths(value, path=()) -> Iterator[tuple]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from _paths(child, (*path, key))


def mutate(value, generator: random.Random, number: int = 1):
    """The same JSON with some places of it replaced, left out or repeated."""
    for _ in range(number):
        value = json.loads(json.dumps(value))  # a copy, in which repeated places are no longer the same object
        places = list(_paths(value))
        if not places:  # nothing is left to change
            break
        *parents, key = generator.choice(places)
        place = value
        for parent in parents:
            place = place[parent]
        old = place[key]
        numeric = isinstance(old, int | float) and not isinstance(old, bool)
        action = generator.random()
        if action < 0.1:
            del place[key]
        elif action < 0.2 and isinstance(place, list):
            # What is repeated may itself be a repetition: without a limit, three of them would fill the fuzzer's memory.
            place.extend([old] * min(1000, LONGEST // len(json.dumps(old))))
        else:
            place[key] = generator.choice(NUMBERS if numeric and action < 0.8 else VALUES)
    return value


def flip(path: pathlib.Path, generator: random.Random, number: int = 3) -> None:
    """Change some bits of a file, or cut it."""
    content = bytearray(path.read_bytes())
    if generator.random() < 0.1:
        content = content[: generator.randrange(len(content))]
    for _ in range(number if content else 0):
        content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
    path.write_bytes(content)


def with_changed_header(data: bytes, generator: random.Random) -> bytes:
    """Change the JSON header of a safetensors file place by place, and write its length."""
    end = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.dumps(mutate(json.loads(data[8:end]), generator, generator.choice((1, 1, 2)))).encode()
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return data
    return len(header).to_bytes(8, "little") + header + data[end:]


def with_checksums(data: bytes) -> bytes:
    """Give the blocks of a TensorFlow 1 index (a LevelDB table) the checksums that their changed bytes need."""
    content = bytearray(data)
    if len(content) < 48:
        return data
    places = []
    position = len(content) - 48
    for _ in range(2):  # the handles of the two index blocks
        offset, position = _varint(content, position)
        size, position = _varint(content, position)
        places.append((offset, size))
    offset, size = places[1]
    block = content[offset : offset + size]
    if len(block) > 8:  # its first entry: the handle of the first data block
        _, position = _varint(block, 0)
        unshared, position = _varint(block, position)
        _, position = _varint(block, position)
        start, position = _varint(block, position + unshared)
        places.insert(0, (start, _varint(block, position)[0]))
    for offset, size in places:
        end = offset + size + 1
        if end + 4 <= len(content):
            crc = crc32c(content[offset:end])
            masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
            content[end : end + 4] = struct.pack("<I", masked)
    return bytes(content)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[position] if position < len(data) else 0
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
    return value, position


def crc32c(data: bytes) -> int:
    """The checksum of TensorFlow's files."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF
