"""Changes of whole files: JSON with places replaced, files with flipped bits. Without kerasft: the fuzzer imports that itself."""

import json
import pathlib
import random
from collections.abc import Iterator

NUMBERS = [0, -1, 1, 2**31, 2**31 - 1, 10**7, 10**9, 10**18, 10**400, 0.5, 1e308, True]
VALUES = [*NUMBERS, None, "", "x", "../../../etc/passwd", [], {}, [[]], "\ud800", "0" * 10_000, [0] * 1000]


def _paths(value, path=()) -> Iterator[tuple]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from _paths(child, (*path, key))


def mutate(value, generator: random.Random, number: int = 1):
    """The same JSON with some places of it replaced, left out or repeated."""
    value = json.loads(json.dumps(value))
    for _ in range(number):
        *parents, key = generator.choice(list(_paths(value)) or [()]) or ("x",)
        place = value
        for parent in parents:
            place = place[parent]
        old = place[key]
        numeric = isinstance(old, int | float) and not isinstance(old, bool)
        action = generator.random()
        if action < 0.1:
            del place[key]
        elif action < 0.2 and isinstance(place, list):
            place.extend([old] * 1000)
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
