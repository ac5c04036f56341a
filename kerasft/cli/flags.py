"""Conversion of a recipe's `Options` to command-line flags and YAML keys, and back."""

import argparse
import dataclasses
import types
import typing
from typing import Any

from kerasft.errors import KerasftError, bad_argument
from kerasft.files import local_path

# The groups of `--help`; options that are not listed belong to "training".
_DATA = """
    train dev test dev_fraction max_train_rows skip_invalid text text_pair label label_names source target prompt
    completion documents packed block_size max_length max_source_length max_target_length max_answer_length stride
    prefix references scheme invalid misaligned windows_without_answer problem unseen_labels out_of_scope_label
    negative_label max_score examples_per_class"""
_MODEL = """model pooling dropout trained_scheme label_subwords constrained lora_rank lora_alpha lora_targets freeze_layers
    precision"""
_OUTPUT = """
    output overwrite resume resume_anyway checkpoint_minutes checkpoint_steps keep monitor metrics generate_rows
    max_new_tokens num_beams length_penalty tune_temperature tune_thresholds"""
_GROUPS = {
    "data": _DATA.split(),
    "model": _MODEL.split(),
    "training": (),
    "output and evaluation": _OUTPUT.split(),
}
_METAVARS = {
    **dict.fromkeys(("train", "dev", "test"), "FILE"),
    **dict.fromkeys(("text", "text_pair", "label", "source", "target", "prompt", "completion"), "COLUMN"),
    **dict.fromkeys(("lora_targets", "freeze_layers"), "LAYERS"),
    **dict.fromkeys(("out_of_scope_label", "negative_label"), "LABEL"),
    "output": "FOLDER",
    "label_names": "NAMES",
    "monitor": "METRIC",
}


def _kind(annotation: Any) -> type:
    """Return the type without None: `int` for `int | None`."""
    if isinstance(annotation, types.UnionType):
        return next(kind for kind in typing.get_args(annotation) if kind is not types.NoneType)
    return annotation


def add_options(parser: argparse.ArgumentParser, options_class: type) -> None:
    """Add one flag per field of a recipe's `Options`, in groups; omitted flags keep the value of the YAML file or the default.

    Example:

    >>> from kerasft.recipes import text_classification
    >>> parser = argparse.ArgumentParser()
    >>> add_options(parser, text_classification.Options)
    >>> parser.parse_args(["--learning-rate", "3e-5"]).learning_rate
    3e-05
    """
    groups = {title: parser.add_argument_group(title) for title in _GROUPS}
    for field in dataclasses.fields(options_class):
        title = next((title for title, names in _GROUPS.items() if field.name in names), "training")
        flag = "--" + field.name.replace("_", "-")
        if _kind(field.type) is bool:
            groups[title].add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=_help(field))
        else:
            groups[title].add_argument(
                flag,
                type=_kind(field.type),
                choices=field.metadata["choices"],
                metavar=_metavar(field),
                help=_help(field),
            )


def _help(field: dataclasses.Field) -> str:
    has_default = field.default not in (None, "") and field.default is not False
    note = f" (default: {field.default})" if has_default else ""
    if field.metadata["required"]:
        note = " (required)"
    return (field.metadata["help"] + note).replace("%", "%%")


def _metavar(field: dataclasses.Field) -> str | None:
    if field.metadata["choices"]:
        return None
    by_type = {int: "N", float: "X"}.get(_kind(field.type), field.name.upper())
    return _METAVARS.get(field.name, by_type)


def read_options(args: argparse.Namespace, options_class: type, config: str | None) -> Any:
    """Build `Options`: flags override the YAML file, which overrides the defaults.

    Raises:
        KerasftError: If the file has an unknown key or a value of an incorrect type, or a required option is missing.

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
            raise bad_argument(flag, f"given ({field.metadata['help']})", None, f"Add {flag}, or the key to --config.")
    return options_class(**values)


def _read_yaml(path: str, fields: dict[str, dataclasses.Field]) -> dict[str, Any]:
    import yaml  # here, so that `kerasft doctor` runs without it

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
            raise bad_argument("--config", f"option names: {', '.join(fields)}", key, f"Correct the key in {path}.")
        values[name] = _typed(path, name, value, fields[name])
    return values


def _typed(path: str, name: str, value: Any, field: dataclasses.Field) -> Any:
    kind = _kind(field.type)
    choices = field.metadata["choices"]
    if value is None or (isinstance(value, bool) and kind is bool):
        return value
    try:
        # YAML 1.1 reads 2e-5 as a string; convert it. A bool is an int in Python, but not a valid number here.
        typed = kind(value) if not isinstance(value, (bool, list, dict)) and kind is not bool else None
    except (TypeError, ValueError):
        typed = None
    if typed is None or (choices and typed not in choices):
        expected = f"one of {choices}" if choices else f"of type {kind.__name__}"
        raise bad_argument(name, expected, value, f"Correct the key in {path}.")
    return typed
