"""From a recipe's `Options` to flags and YAML keys, and back."""

import argparse
import dataclasses
import types
import typing
from typing import Any

from kerasft.errors import KerasftError, bad_argument
from kerasft.files import local_path


def _kind(annotation: Any) -> type:
    """The plain type behind `int | None` or `int`."""
    if isinstance(annotation, types.UnionType):
        return next(kind for kind in typing.get_args(annotation) if kind is not types.NoneType)
    return annotation


def add_options(parser: argparse.ArgumentParser, options_class: type) -> None:
    """Add one flag per field of a recipe's `Options`; a flag that is not given leaves the YAML file's or default value.

    Example:

    >>> from kerasft.recipes import text_classification
    >>> parser = argparse.ArgumentParser()
    >>> add_options(parser, text_classification.Options)
    >>> parser.parse_args(["--learning-rate", "3e-5"]).learning_rate
    3e-05
    """
    for field in dataclasses.fields(options_class):
        flag = "--" + field.name.replace("_", "-")
        note = "" if field.default is None or field.default is False else f" (default: {field.default})"
        help_text = (field.metadata["help"] + note).replace("%", "%%")
        if _kind(field.type) is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=help_text)
        else:
            metavar = None if field.metadata["choices"] else field.name.upper()
            parser.add_argument(
                flag, type=_kind(field.type), choices=field.metadata["choices"], metavar=metavar, help=help_text
            )


def read_options(args: argparse.Namespace, options_class: type, config: str | None) -> Any:
    """Build `Options` from the defaults, over them the YAML file, over that the flags.

    Raises:
        KerasftError: If the file has an unknown key or a value of a wrong type, or a required option is missing.

    Example:

    >>> from kerasft.recipes import text_classification
    >>> args = argparse.Namespace(model="bert-base-uncased", train="train.csv")
    >>> read_options(args, text_classification.Options, None).schedule
    'linear'
    """
    fields = {field.name: field for field in dataclasses.fields(options_class)}
    values = _read_yaml(config, fields) if config else {}
    values |= {name: getattr(args, name) for name in fields if getattr(args, name, None) is not None}
    for name, field in fields.items():
        if field.metadata["required"] and values.get(name) is None:
            flag = "--" + name.replace("_", "-")
            raise bad_argument(flag, f"given: {field.metadata['help']}", None, f"Add {flag} or a key in --config.")
    return options_class(**values)


def _read_yaml(path: str, fields: dict[str, dataclasses.Field]) -> dict[str, Any]:
    import yaml  # here, so that `kerasft doctor` runs where it is missing

    try:
        content = yaml.safe_load(local_path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KerasftError(
            f"--config {path} cannot be read: {' '.join(str(error).split())}. Expected a YAML file."
        ) from error
    if not isinstance(content, dict):
        raise bad_argument("--config", "a YAML file of `option: value` lines", content, f"See {path}.")
    values = {}
    for key, value in content.items():
        name = str(key).replace("-", "_")
        if name not in fields:
            raise bad_argument("--config", f"keys out of {', '.join(fields)}", key, f"Correct the key in {path}.")
        values[name] = _typed(path, name, value, fields[name])
    return values


def _typed(path: str, name: str, value: Any, field: dataclasses.Field) -> Any:
    kind = _kind(field.type)
    choices = field.metadata["choices"]
    if value is None or (isinstance(value, bool) and kind is bool):
        return value
    try:
        # YAML 1.1 reads 2e-5 as a string; a number is what was meant. A bool is no number though Python says it is.
        typed = kind(value) if not isinstance(value, (bool, list, dict)) and kind is not bool else None
    except (TypeError, ValueError):
        typed = None
    if typed is None or (choices and typed not in choices):
        expected = f"one of {choices}" if choices else f"of type {kind.__name__}"
        raise bad_argument(name, expected, value, f"Correct the key in {path}.")
    return typed
