"""Comparison of the exports of a model (float32, float16, int8, ...) by size and latency."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from kerasft import security
from kerasft.bundles import METADATA_FILE
from kerasft.errors import KerasftError
from kerasft.export.folders import REPORT_FILE

_ORDER = ("float32", "float16", "int8", "int4", "int8_full")
_MOST_FORMS = 12
_IDENTITY = ("created", "task", "num_parameters")  # metadata that identifies the bundle; its exports have it too
# Sizes in the charts, in SVG units:
_LABELS, _BARS, _BAR, _GAP = 230, 400, 18, 14


def forms_of(folder: pathlib.Path, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The exports of one model: this one, and those in sibling folders.

    Args:
        folder: The folder with this export's `kerasft.json`; may still be the temporary folder.
        report: This export's report. Its `folder` is the final folder.

    Returns:
        The exports, float32 first: `name`, `folder` (its name), `this`, `size_bytes`, `latency_ms` (medians by number of threads)
        and `tokens_per_second`, which may be None.

    Example:

    >>> report = {"quantize": "int8", "size_bytes": 2_000_000, "latency_ms": {"threads_1": {"median": 3.0}}}
    >>> forms_of(pathlib.Path("."), report)[0]["name"]
    'int8'
    """
    final_folder = pathlib.Path(os.path.realpath(report.get("folder") or folder))
    own = _form(report, final_folder, this=True)
    identity = _identity(_read(folder / METADATA_FILE))
    forms = [own] if own else []
    for other in _neighbours(final_folder):
        if identity and _identity(_read(other / METADATA_FILE)) == identity:
            form = _form(_read(other / REPORT_FILE), other, this=False)
            forms += [form] if form else []
    rank = {name: number for number, name in enumerate(_ORDER)}
    forms.sort(key=lambda form: (rank.get(form["name"], len(rank)), form["name"], form["folder"]))
    return sorted(sorted(forms, key=lambda form: not form["this"])[:_MOST_FORMS], key=forms.index)


def _neighbours(folder: pathlib.Path) -> list[pathlib.Path]:
    """The sibling folders that contain a report; unreadable ones are skipped."""
    try:
        names = sorted(os.listdir(folder.parent))
    except OSError:
        return []
    return [
        folder.parent / name
        for name in names
        if name != folder.name and os.path.isfile(folder.parent / name / REPORT_FILE)
    ]


def _read(path: pathlib.Path) -> dict[str, Any]:
    """A JSON object; empty if it cannot be read."""
    try:
        content = security.read_json(path)
    except (OSError, KerasftError):
        return {}
    return content if isinstance(content, dict) else {}


def _identity(metadata: Mapping[str, Any]) -> tuple | None:
    values = tuple(metadata.get(name) for name in _IDENTITY)
    return None if None in values else values


def _form(report: Mapping[str, Any], folder: pathlib.Path, *, this: bool) -> dict[str, Any] | None:
    """The values that the charts show; None for a report without a size, which is not one of an export."""
    size = _number(report.get("size_bytes"))
    if size is None:
        return None
    name = str(report.get("quantize") or "float32")[:40]
    times = report.get("latency_ms")
    medians = {
        str(threads): _number(values.get("median"))
        for threads, values in (times.items() if isinstance(times, dict) else ())
        if isinstance(values, dict)
    }
    return {
        "name": f"SavedModel, {name}" if report.get("format") == "saved_model" else name,
        "folder": folder.name,
        "this": this,
        "size_bytes": size,
        "latency_ms": {threads: value for threads, value in medians.items() if value is not None},
        "tokens_per_second": _number(report.get("tokens_per_second")),
    }


def _number(value: object) -> float | None:
    number = security.finite(value)
    return number if number is not None and number >= 0 else None


def charts(forms: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The bar charts of size, latency and speed.

    Args:
        forms: As returned by `forms_of`.

    Returns:
        For each chart `title`, `note`, `width`, `height`, and `rows`, one per export: `name`, `folder`, `this`, `y`, and `bars`
        with `x`, `y`, `width`, `height`, `text`, `second` (whether it is the export's second bar).

    Example:

    >>> form = {"name": "int8", "folder": "a.litert.int8", "this": True, "size_bytes": 23e6, "latency_ms": {}}
    >>> [chart["rows"][0]["bars"][0]["text"] for chart in charts([form | {"tokens_per_second": None}])]
    ['23.0 MB']
    """
    sizes = [(form, [(form["size_bytes"], _in_bytes(form["size_bytes"]))]) for form in forms]
    times = [
        (form, [(ms, f"{_in_digits(ms)} ms{_threads(name)}") for name, ms in form["latency_ms"].items()])
        for form in forms
    ]
    speeds = [
        (form, [(speed, f"{speed:.0f} tokens/s")] if (speed := form["tokens_per_second"]) else []) for form in forms
    ]
    all_charts = (
        _chart("Size", "Size of the file, or of the SavedModel's folder. Lower is better.", sizes),
        _chart(
            "Latency",
            "Median latency of one text, measured on the machine that created the export. Lower is better.",
            times,
        ),
        _chart(
            "Throughput",
            "Generated tokens per second, including the time to process the prompts. Higher is better.",
            speeds,
        ),
    )
    return [chart for chart in all_charts if chart["rows"]]


def _chart(title: str, note: str, rows: Sequence[tuple]) -> dict[str, Any]:
    rows = [(form, bars) for form, bars in rows if bars]
    largest = max((value for _, bars in rows for value, _ in bars), default=0) or 1
    y = _GAP / 2
    chart_rows = []
    for form, bars in rows:
        height = max(len(bars), 2) * (_BAR + 3)
        top = y + (height - len(bars) * (_BAR + 3)) / 2
        rectangles = [
            {
                "x": _LABELS,
                "y": round(top + number * (_BAR + 3), 1),
                "width": round(max(2, _BARS * value / largest), 1),
                "height": _BAR,
                "text": text,
                "second": number % 2 == 1,
            }
            for number, (value, text) in enumerate(bars)
        ]
        chart_rows.append(
            {
                **{name: form[name] for name in ("name", "folder", "this")},
                "y": round(y + height / 2, 1),
                "bars": rectangles,
            }
        )
        y += height + _GAP
    return {"title": title, "note": note, "width": _LABELS + _BARS + 170, "height": round(y), "rows": chart_rows}


def _threads(name: str) -> str:
    count = name.removeprefix("threads_")
    return f", {count} thread{'s' if count != '1' else ''}" if count.isdigit() else ""


def _in_bytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _in_digits(ms: float) -> str:
    return f"{ms:.0f}" if ms >= 100 else f"{ms:.1f}" if ms >= 10 else f"{ms:.2f}"
