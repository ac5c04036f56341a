"""The two pages of a mobile bundle: README.md (usage) and report.html (measurements)."""

import logging
import os
import pathlib
from importlib import resources
from typing import Any

import jinja2

from kerasft.errors import KerasftError
from kerasft.export.folders import REPORT_FILE
from kerasft.export.forms import charts, forms_of
from kerasft.files import file_written_aside
from kerasft.security import read_json

README_FILE = "README.md"
PAGE_FILE = "report.html"
_TEMPLATES = {README_FILE: "mobile_readme.md", PAGE_FILE: "mobile_report.html"}
# What reading the files of a sibling export can raise. The export itself is complete; only the siblings' pages are outdated.
_UNREADABLE = (
    OSError,
    KerasftError,
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
_LOGGER = logging.getLogger("kerasft")
_KIND = {
    None: "float32",
    "float16": "weights in float16, computation in float32",
    "int8": "dynamic-range quantization: weights in int8, activations quantized at run time",
    "int4": "weight matrices in int4 with blocks of 32, embedding tables in int8, computation in int8",
    "int8_full": "weights and activations in int8; layer norms and residual sums in float32",
}


def write_pages(folder: pathlib.Path, report: dict[str, Any], signature: dict[str, Any]) -> None:
    """Write `README.md` and `report.html` of a mobile bundle.

    Args:
        folder: The bundle's folder.
        report: The report of `kerasft.export.litert`.
        signature: The content of `signature.json`.

    Example:

    >>> report = {"task": "text-classification", "quantize": "int8", "size_bytes": 2_000_000, "agreement": 1.0, "num_texts": 8}
    >>> report |= {"max_difference": 0.1, "latency_ms": {}, "operators": []}
    >>> signature = {"signatures": {"serving_default": {"inputs": {}, "outputs": {}}}, "lengths": [], "max_length": 16}
    >>> write_pages(pathlib.Path("."), report, signature)
    >>> pathlib.Path("README.md").read_text().splitlines()[0]
    '# text-classification for mobile devices, 2.0 MB'
    """
    _write(folder, report, signature, (README_FILE, PAGE_FILE))


def _write(folder: pathlib.Path, report: dict[str, Any], signature: dict[str, Any], names: tuple[str, ...]) -> None:
    loader = jinja2.FileSystemLoader(str(resources.files("kerasft") / "export"))
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    forms = forms_of(folder, report)
    values = {"report": report, "signature": signature, "kind": _KIND[report["quantize"]]}
    values |= {"forms": forms, "charts": charts(forms)}
    for name in names:
        template = _TEMPLATES[name]
        environment.autoescape = template.endswith(".html")
        with file_written_aside(folder / name) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(environment.get_template(template).render(values))


def update_pages_beside(folder: pathlib.Path, report: dict[str, Any]) -> None:
    """Update the `report.html` of the same model's other mobile bundles, so that each shows all exports.

    Args:
        folder: The new bundle.
        report: Its report.

    Example:

    >>> update_pages_beside(pathlib.Path("."), {"size_bytes": 2_000_000, "quantize": "int8"})
    """
    parent = pathlib.Path(os.path.realpath(folder)).parent
    try:
        others = [parent / form["folder"] for form in forms_of(folder, report) if not form["this"]]
    except _UNREADABLE as error:
        _LOGGER.warning("The reports of the other exports of %s were not updated: %s.", folder, error)
        return
    for other in others:
        if not (other / PAGE_FILE).is_file():
            continue
        try:
            _write(other, read_json(other / REPORT_FILE), read_json(other / "signature.json"), (PAGE_FILE,))
        except _UNREADABLE as error:
            _LOGGER.warning("%s was not updated with the new export: %s.", other / PAGE_FILE, error)
