"""Report rows with highlighted spans: gold and predicted entities, or answers."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kerasft.callbacks.figures import shorten
from kerasft.reports.colours import NUM_HUES

MOST_EXAMPLES = 200
"""Maximum number of rows in a pipeline's report, errors first."""
_AROUND = 160  # characters of context on each side of a span
_LONGEST = 1200  # characters; a shorter text is not truncated
_SNAP = 20  # how far a window is extended to the next space, so that no word is split
_LABEL = 28  # characters of a type's name beside its span
_BEFORE, _BETWEEN, _AFTER = "… ", " … ", " …"
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421}  # visible symbols


def example(
    text: str,
    truth: Iterable[Mapping[str, Any]],
    predicted: Iterable[Mapping[str, Any]],
    *,
    row: int,
    right: bool | None = None,
    confidence: float | None = None,
    answer: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Create one entry of `Report.examples`. A long text is truncated to the context of its spans, differing spans first.

    Args:
        text: The full text.
        truth: The gold spans: `start`, `end` (characters, end exclusive), `label`.
        predicted: The predicted spans, in the same form.
        row: Row index, from 0.
        right: Whether the row counts as correct; None: whether gold and predicted spans are equal.
        confidence: The model's confidence, from 0 to 1.
        answer: A further prediction of the row: its `name` ("intent", "expected"), the gold `truth`, the `predicted` value, and
            the `question`, if any.

    Returns:
        A dictionary with these entries. `text` is the displayed text, span offsets refer to it, and `num_hidden` is the number of
        spans outside it.

    Example:

    >>> shown = example("In Rome", [{"start": 3, "end": 7, "label": "LOC"}], [], row=0)
    >>> shown["right"], shown["text"], shown["truth"]
    (False, 'In Rome', [{'start': 3, 'end': 7, 'label': 'LOC'}])
    """
    sides = [_plain(truth), _plain(predicted)]
    differing = [span for span in sides[0] + sides[1] if (span in sides[0]) != (span in sides[1])]
    windows = _windows(text, differing or sides[0])
    moved = [[_moved(span, windows) for span in side] for side in sides]
    return {
        "row": int(row),
        "right": not differing if right is None else bool(right),
        "confidence": None if confidence is None else float(confidence),
        "answer": None if answer is None else dict(answer),
        "text": _joined(text, windows),
        "truth": [span for span in moved[0] if span],
        "predicted": [span for span in moved[1] if span],
        "num_hidden": sum(span is None for span in moved[0] + moved[1]),
    }


def _plain(spans: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The spans sorted by position, without duplicates."""
    unique = sorted({(int(span["start"]), int(span["end"]), str(span["label"])) for span in spans})
    return [{"start": start, "end": end, "label": label} for start, end, label in unique if start < end]


def _windows(text: str, spans: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """The windows of a text to display: the context of the first spans."""
    if len(text) <= _LONGEST:
        return [(0, len(text))]
    windows = []
    remaining = _LONGEST
    for span in spans:
        start = _snapped(text, span["start"] - _AROUND, -1)
        end = _snapped(text, min(span["end"], span["start"] + _LONGEST) + _AROUND, 1)
        if not any(first <= span["start"] and span["end"] <= last for first, last in windows):
            windows.append((start, end))
            remaining -= end - start
        if remaining <= 0:
            break
    merged: list[tuple[int, int]] = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged or [(0, _snapped(text, 2 * _AROUND, 1))]


def _snapped(text: str, position: int, step: int) -> int:
    """The position moved outward to the next word boundary; the position itself if there is no space nearby, as in Chinese."""
    for moved in range(position, position + step * _SNAP, step):
        if not 0 < moved < len(text):
            break
        if text[moved - 1 if step < 0 else moved].isspace():
            return moved
    return min(max(position, 0), len(text))


def _joined(text: str, windows: Sequence[tuple[int, int]]) -> str:
    before = "" if windows[0][0] == 0 else _BEFORE
    after = "" if windows[-1][1] == len(text) else _AFTER
    return before + _BETWEEN.join(text[start:end] for start, end in windows) + after


def _moved(span: Mapping[str, Any], windows: Sequence[tuple[int, int]]) -> dict[str, Any] | None:
    """The span with its offsets in the displayed text, clipped to its window; None if it is not displayed."""
    offset = 0 if windows[0][0] == 0 else len(_BEFORE)
    for start, end in windows:
        first, last = max(span["start"], start), min(span["end"], end)
        if first < last:
            return {"start": offset + first - start, "end": offset + last - start, "label": span["label"]}
        offset += end - start + len(_BETWEEN)
    return None


def shown_examples(examples: Sequence[Mapping[str, Any]], types: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The examples as the page renders them: each text as a sequence of pieces, some of them highlighted.

    Args:
        examples: Entries of `Report.examples`.
        types: The span types, each with its own color; empty: gold and predicted spans are highlighted in one text.

    Returns:
        The examples with `lines`: `name` ("expected", "predicted", "text") and `pieces`: `text`, `label`, `hue` (None if not
        highlighted) and `kind`: "same", "missed", "wrong", or without types "expected", "predicted", "both".

    Example:

    >>> row = example("In Rome", [{"start": 3, "end": 7, "label": "LOC"}], [], row=0)
    >>> [(piece["text"], piece["kind"]) for piece in shown_examples([row], ["LOC"])[0]["lines"][0]["pieces"]]
    [('In ', None), ('Rome', 'missed')]
    """
    hues = {label: number % NUM_HUES for number, label in enumerate(types)}
    shown = []
    for each in examples:
        text = each["text"]
        truth = each["truth"]
        predicted = each["predicted"]
        if not types:
            lines = [{"name": "text", "pieces": _overlaid(text, truth, predicted)}]
        elif truth == predicted:
            lines = [{"name": "both", "pieces": _typed(text, truth, truth, "same", hues)}]
        else:
            lines = [
                {"name": "expected", "pieces": _typed(text, truth, predicted, "missed", hues)},
                {"name": "predicted", "pieces": _typed(text, predicted, truth, "wrong", hues)},
            ]
        shown.append({**each, "lines": lines})
    return shown


def shown_types(examples: Sequence[Mapping[str, Any]], types: Sequence[str]) -> list[dict[str, Any]]:
    """The legend: the types that occur in the examples, with their colors.

    Example:

    >>> shown_types([example("In Rome", [{"start": 3, "end": 7, "label": "LOC"}], [], row=0)], ["LOC", "PER"])
    [{'label': 'LOC', 'hue': 0}]
    """
    present = {span["label"] for each in examples for span in [*each["truth"], *each["predicted"]]}
    return [
        {"label": shorten(label, _LABEL), "hue": number % NUM_HUES}
        for number, label in enumerate(types)
        if label in present
    ]


def _typed(
    text: str, spans: Sequence[Mapping], others: Sequence[Mapping], kind: str, hues: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The text with the gold or the predicted spans; `kind` is for spans that are not in `others`."""
    pieces, end = [], 0
    for span in spans:
        if span["start"] < end:  # entities of tags never overlap; other spans may
            continue
        pieces.append(_piece(text[end : span["start"]]))
        label = shorten(span["label"], _LABEL)
        marked = {"label": label, "hue": hues.get(span["label"], 0), "kind": "same" if span in others else kind}
        pieces.append(_piece(text[span["start"] : span["end"]], **marked))
        end = span["end"]
    pieces.append(_piece(text[end:]))
    return [piece for piece in pieces if piece["text"]]


def _overlaid(text: str, truth: Sequence[Mapping], predicted: Sequence[Mapping]) -> list[dict[str, Any]]:
    """One text with both the gold and the predicted spans highlighted; they may overlap."""
    boundaries = {offset for span in [*truth, *predicted] for offset in (span["start"], span["end"])}
    pieces = []
    for start, end in itertools.pairwise(sorted({0, len(text), *boundaries})):
        sides = [any(span["start"] <= start < span["end"] for span in side) for side in (truth, predicted)]
        kind = {(True, False): "expected", (False, True): "predicted", (True, True): "both"}.get(tuple(sides))
        if kind is None:
            pieces.append(_piece(text[start:end]))
            continue
        segment = text[start:end]
        # Leading and trailing spaces are not highlighted: a line break there would separate the label from its words.
        begin, stop = len(segment) - len(segment.lstrip()), len(segment.rstrip())
        pieces += [
            _piece(segment[:begin]),
            _piece(segment[begin:stop], label=kind, kind=kind),
            _piece(segment[max(begin, stop) :]),
        ]
    return [piece for piece in pieces if piece["text"]]


def _piece(text: str, *, label: str | None = None, hue: int | None = None, kind: str | None = None) -> dict[str, Any]:
    return {"text": text.translate(_CONTROLS), "label": label, "hue": hue, "kind": kind}
