"""The texts that `benchmarks/freeze.py` records: as they are, apart from what no two runs of the same code have in common."""

import hashlib
import json
import re
from typing import Any

import numpy as np

NOT_REPEATABLE = (
    # When a bundle was saved, and a report made.
    (r'("created": )"[^"]*"', r'\1"<time>"'),
    (r'("date": )"[^"]*"', r'\1"<time>"'),
    # Measured times of a report.json, and those of the page made of it, with the bars' lengths and their texts' places.
    (r'("(?:min|median|p90)": )[\d.e-]+', r"\1<ms>"),
    (r"\d[\d.,]* ms\b", "<ms>"),
    (r'(<(?:rect|text)\b[^>]*?) x="[\d.]+"', r'\1 x="measured"'),
    (r'(<rect\b[^>]*?) width="[\d.]+"', r'\1 width="measured"'),
    # Names of functions within a SavedModel have numbers, which may have a digit more or less.
    (r'("format": "saved_model"(?:.*\n)*?.*"size_bytes": )\d+', r"\1<size>"),
    # Throughput and the duration of an epoch: on the command line, in a bundle's history and in a report of generation.
    (r'((?:examples|tokens)_per_second"?: (?:\[\s*)?)[\d.e+-]+', r"\1<measured>"),
    (r"<b>\d+</b>tokens/s", "<b>measured</b>tokens/s"),
    (r"\d[\d.,]* tokens/s\b", "<measured> tokens/s"),
    (r"- \d+(?:s|ms) - \d+(?:s|ms|us)/step", "- <s> - <s>/step"),
    # The lines between, which a training of more than 30 seconds prints.
    (r"(?m)^epoch \d+/\d+, step \d.*\n", ""),
)
"""What no two runs have in common, and what is recorded in its place."""


def normalized(text: str) -> str:
    for pattern, placeholder in NOT_REPEATABLE:
        text = re.sub(pattern, placeholder, text)
    # Keras names an object that several layers share by its address in memory. Numbered, it still says which ones share it.
    shared = re.compile(r'(?<="shared_object_id": )\d+')
    numbers = {address: str(number) for number, address in enumerate(dict.fromkeys(shared.findall(text)), 1)}
    return shared.sub(lambda match: numbers[match.group()], text)


def json_text(value: Any) -> str:
    """A value as JSON, floats with all their digits."""
    return normalized(json.dumps(value, indent=1, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)


def without_modules(config: Any, modules: dict[str, str]) -> Any:
    """A Keras configuration without the modules of our classes, which are put into `modules` by class.

    Keras finds a class by its registered name; the module beside it is where the class was when the file was written.
    """
    if isinstance(config, list):
        return [without_modules(item, modules) for item in config]
    if not isinstance(config, dict):
        return config
    inner = {key: without_modules(value, modules) for key, value in config.items()}
    if str(inner.get("module", "")).startswith("kerasft."):
        modules[inner["class_name"]] = inner["module"]
        inner["module"] = "kerasft"
    return inner


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
