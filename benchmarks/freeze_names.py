"""The names, signatures and help pages of kerasft, as `benchmarks/freeze.py` records them."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import kerasft

COMMANDS = ("train", "evaluate", "predict", "search", "graph", "export", "convert", "benchmark", "doctor", "demo")
"""A command that is not here shows in the page of `kerasft --help`."""


def modules() -> Iterator[ModuleType]:
    """Every module of the package that says what is public in it."""
    for found in pkgutil.walk_packages(kerasft.__path__, "kerasft."):
        # The mobile sources are whole only in a bundle; `__main__` would run the command.
        if not found.name.startswith("kerasft.mobile") and found.name != "kerasft.__main__":
            module = importlib.import_module(found.name)
            if hasattr(module, "__all__"):
                yield module


def public_names() -> dict[str, list[str]]:
    """Module -> its `__all__`."""
    return {module.__name__: sorted(module.__all__) for module in (kerasft, *modules())}


def signatures() -> dict[str, Any]:
    """Public name -> how it is called; of a class its fields and methods; of a recipe its options and their defaults."""
    found = {}
    for module in (kerasft, *modules()):
        for name in sorted(module.__all__):
            part = getattr(module, name)
            if inspect.ismodule(part) and hasattr(part, "Options"):
                found[f"{part.__name__}.Options"] = _described(part.Options)
                found[f"{part.__name__}.main"] = _described(part.main)
            elif not inspect.ismodule(part):
                found[f"{module.__name__}.{name}"] = _described(part)
    return found


def _described(part: Any) -> Any:
    if not inspect.isclass(part):
        return _signature(part) if callable(part) else _value(part)
    described = {"bases": [base.__name__ for base in part.__mro__[1:]], "call": _signature(part)}
    if dataclasses.is_dataclass(part):
        described["fields"] = [f"{field.name} = {_value(field.default)}" for field in dataclasses.fields(part)]
    for name, member in sorted(vars(part).items()):
        if not name.startswith("_") or name == "__call__":
            described[name] = _signature(member) if callable(member) else type(member).__name__
    return described


def _signature(part: Any) -> str:
    try:
        text = str(inspect.signature(part))
    except (TypeError, ValueError):  # some of C have none
        return "no signature"
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", _without_address(text))  # a class may change its module


def _value(value: Any) -> str:
    return _without_address(repr(value))


def _without_address(text: str) -> str:
    """Where an object is in memory differs from run to run."""
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def help_pages(command: Callable[[list[str]], str]) -> dict[str, str]:
    """Every page of `--help`, by what is before it."""
    recipes = [name.replace("_", "-") for name in kerasft.recipes.__all__]
    lines = [[], *([name] for name in COMMANDS), *(["train", name] for name in recipes)]
    return {" ".join(["kerasft", *line]): command([*line, "--help"]) for line in lines}
