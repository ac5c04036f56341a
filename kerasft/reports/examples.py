"""Report rows with marked spans: gold and predicted entities, or answers."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kerasft.callbacks.figures import shorten
from kerasft.reports.colours import NUM_HUES

MOST_EXAMPLES = 200
"""Maximum number of rows in a pipeline's report, errors first."""
_AROUND = 160  # characters on each side of a span
_LONGEST = 1200  # characters; a shorter text is shown whole
_SNAP = 20  # how far a cut moves outwards to the next space, so that no word is cut
_LABEL = 28  # characters of a type's name beside its span
_BEFORE, _BETWEEN, _AFTER = "… ", " … ", " …"
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421}  # their pictures


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
    """Make one entry of `Report.examples`. A long text is cut around its spans, the differing ones first.

    Args:
        text: The whole text.
        truth: The spans of the data: `start`, `end` (characters, end exclusive), `label`.
        predicted: The model's.
        row: Its number from 0.
        right: Whether the row counts as correct; None: whether both sides have the same spans.
        confidence: The model's, from 0 to 1.
        answer: What else was answered, in words: its `name` ("intent", "expected"), the `truth`, what was `predicted`, and the
            `question`, where one was asked.

    Returns:
        A dictionary with all these. `text` is what is shown, the spans' places are those in it, and `num_hidden` says how many
        spans are in the parts that were cut off.

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
    """The spans in the text's order, each once."""
    places = sorted({(int(span["start"]), int(span["end"]), str(span["label"])) for span in spans})
    return [{"start": start, "end": end, "label": label} for start, end, label in places if start < end]


def _windows(text: str, spans: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """The parts of a text to show: the surroundings of the first spans."""
    if len(text) <= _LONGEST:
        return [(0, len(text))]
    windows = []
    room = _LONGEST
    for span in spans:
        start = _snapped(text, span["start"] - _AROUND, -1)
        end = _snapped(text, min(span["end"], span["start"] + _LONGEST) + _AROUND, 1)
        if not any(first <= span["start"] and span["end"] <= last for first, last in windows):
            windows.append((start, end))
            room -= end - start
        if room <= 0:
            break
    merged: list[tuple[int, int]] = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged or [(0, _snapped(text, 2 * _AROUND, 1))]


def _snapped(text: str, place: int, step: int) -> int:
    """The next place outwards before or after a space; the place itself where none is near, as in Chinese."""
    for moved in range(place, place + step * _SNAP, step):
        if not 0 < moved < len(text):
            break
        if text[moved - 1 if step < 0 else moved].isspace():
            return moved
    return min(max(place, 0), len(text))


def _joined(text: str, windows: Sequence[tuple[int, int]]) -> str:
    before = "" if windows[0][0] == 0 else _BEFORE
    after = "" if windows[-1][1] == len(text) else _AFTER
    return before + _BETWEEN.join(text[start:end] for start, end in windows) + after


def _moved(span: Mapping[str, Any], windows: Sequence[tuple[int, int]]) -> dict[str, Any] | None:
    """The span where it is shown; None where it is not. What is shown in part has the places of that part."""
    place = 0 if windows[0][0] == 0 else len(_BEFORE)
    for start, end in windows:
        first, last = max(span["start"], start), min(span["end"], end)
        if first < last:
            return {"start": place + first - start, "end": place + last - start, "label": span["label"]}
        place += end - start + len(_BETWEEN)
    return None


def shown_examples(examples: Sequence[Mapping[str, Any]], types: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The examples as the page draws them: each text as a sequence of pieces, some of them marked.

    Args:
        examples: Entries of `Report.examples`.
        types: The spans' types, which have a colour each; none: the two sides are marked in one text.

    Returns:
        The examples with `lines`: `name` ("expected", "predicted", "text") and `pieces`: `text`, `label`, `hue` (None for what
        is not marked) and `kind`: "same", "missed", "wrong", or of one text "expected", "predicted", "both".

    Example:

    >>> found = example("In Rome", [{"start": 3, "end": 7, "label": "LOC"}], [], row=0)
    >>> [(piece["text"], piece["kind"]) for piece in shown_examples([found], ["LOC"])[0]["lines"][0]["pieces"]]
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
    """The legend: those types that the examples have, with their colours.

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
    """One side's text with its spans; `kind` is what those are that the other side does not have."""
    pieces, place = [], 0
    for span in spans:
        if span["start"] < place:  # tags never overlap; other data may
            continue
        pieces.append(_piece(text[place : span["start"]]))
        label = shorten(span["label"], _LABEL)
        marked = {"label": label, "hue": hues.get(span["label"], 0), "kind": "same" if span in others else kind}
        pieces.append(_piece(text[span["start"] : span["end"]], **marked))
        place = span["end"]
    pieces.append(_piece(text[place:]))
    return [piece for piece in pieces if piece["text"]]


def _overlaid(text: str, truth: Sequence[Mapping], predicted: Sequence[Mapping]) -> list[dict[str, Any]]:
    """One text in which both sides are marked, also where they overlap."""
    ends = {place for span in [*truth, *predicted] for place in (span["start"], span["end"])}
    pieces = []
    for start, end in itertools.pairwise(sorted({0, len(text), *ends})):
        sides = [any(span["start"] <= start < span["end"] for span in side) for side in (truth, predicted)]
        kind = {(True, False): "expected", (False, True): "predicted", (True, True): "both"}.get(tuple(sides))
        if kind is None:
            pieces.append(_piece(text[start:end]))
            continue
        part = text[start:end]
        # Spaces at its ends are left unmarked: a line break there would part the label from its words.
        begin, stop = len(part) - len(part.lstrip()), len(part.rstrip())
        pieces += [
            _piece(part[:begin]),
            _piece(part[begin:stop], label=kind, kind=kind),
            _piece(part[max(begin, stop) :]),
        ]
    return [piece for piece in pieces if piece["text"]]


def _piece(text: str, *, label: str | None = None, hue: int | None = None, kind: str | None = None) -> dict[str, Any]:
    return {"text": text.translate(_CONTROLS), "label": label, "hue": hue, "kind": kind}
