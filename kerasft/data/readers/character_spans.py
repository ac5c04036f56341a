"""Labeled character spans of a text: validation, and conversion to word tags."""

import functools
import itertools
import math
from collections.abc import Callable, Mapping

from kerasft.answers.tags import Span, tags_of
from kerasft.answers.words import cut_words, is_inside_letters, split_words
from kerasft.data.readers.text_offsets import UNITS
from kerasft.features import is_unicode

EXAMPLE = (
    'Write {"text": "In Rome", "spans": [{"start": 3, "end": 7, "label": "LOC"}]} or {"words": [...], "tags": [...]}.'
)

_KEYS = (("start", "start_offset", "start_char"), ("end", "end_offset", "end_char"), ("label", "labels", "type"))
_Fail = Callable[..., Exception]


def tags_of_spans(
    text: str, marked: object, *, fail: _Fail, trim: bool = False
) -> tuple[list[tuple[int, int]], list[str], int]:
    """Split a text into words, and convert its spans to word tags.

    Args:
        text: The text.
        marked: Its spans: `{"start", "end", "label"}`, optionally with `"text"`, or `(start, end, label)`.
        fail: Makes the error, `fail(problem, fix=..., value=...)`.
        trim: Whether to remove whitespace at the ends of spans; otherwise it is an error.

    Returns:
        Start and end of each word, the words' tags in IOB2, and the number of trimmed spans.

    Example:

    >>> tags_of_spans("In Rome", [{"start": 3, "end": 7, "label": "LOC"}], fail=ValueError)
    ([(0, 2), (3, 7)], ['O', 'B-LOC'], 0)
    """
    if not text.strip() or not is_unicode(text):
        raise fail("expected a non-empty, valid Unicode text", fix="Correct or delete it.", value=text)
    if not isinstance(marked, list | tuple):
        raise fail("expected a list of spans", fix=EXAMPLE, value=marked)
    spans = []
    num_trimmed = 0
    for item in marked:
        span = read_span(text, item, fail=fail)
        if trim:
            trimmed = _trimmed(text, span)
            num_trimmed += trimmed != span
            span = trimmed
        _check(text, span, functools.partial(fail, value=item))
        spans.append(span)
    spans.sort()
    for first, second in itertools.pairwise(spans):
        if second.start < first.end:
            shown = " and ".join(f"{text[span.start : span.end]!r} [{span.label}]" for span in (first, second))
            fix = "Keep one of them (usually the outer one): each word has one tag, so spans cannot be nested."
            raise fail(f"overlapping spans: {shown}", fix=fix, value=[tuple(first), tuple(second)])
    offsets = cut_words(split_words(text), (boundary for span in spans for boundary in span[:2]))
    begins, ends = {start: i for i, (start, _) in enumerate(offsets)}, {end: i for i, (_, end) in enumerate(offsets)}
    in_words = [Span(begins[span.start], ends[span.end] + 1, span.label) for span in spans]
    return offsets, tags_of(in_words, len(offsets)), num_trimmed


def read_span(text: str, item: object, *, fail: _Fail, need_label: bool = True) -> Span:
    """Parse and validate a span of a text.

    Args:
        text: The text.
        item: `{"start", "end", "label"}`, or their names in annotation tools, optionally with `"text"`; or
            `(start, end, label)`.
        fail: See `tags_of_spans`.
        need_label: Whether a span without a label is an error; otherwise its label is None.

    Example:

    >>> read_span("In Rome", {"start_offset": 3, "end_offset": 7, "label": "LOC"}, fail=ValueError)
    Span(start=3, end=7, label='LOC')
    """
    values = span_values(item) if isinstance(item, Mapping) else item
    offsets = (
        [_whole(value) for value in values[:2]] if isinstance(values, list | tuple) and len(values) == 3 else [None]
    )
    if None in offsets:
        fix = 'Use {"start": 3, "end": 7, "label": "LOC"}: character offsets, 0-based, end exclusive.'
        raise fail("a span must have start, end and label", fix=fix, value=item)
    start, end = offsets
    label = values[2]
    has_label = need_label or label is not None
    if has_label and (not isinstance(label, str) or not label.strip() or not label.strip().isprintable()):
        raise fail("a span's label must be a name with visible characters", fix="Fill it in.", value=item)
    if not 0 <= start < end <= len(text):
        fix = "Offsets are 0-based Unicode code points, end exclusive."
        fix += _other_units(text, start, end)
        raise fail(f"span offsets out of range (0 to {len(text)})", fix=fix, value=item)
    own = item.get("text") if isinstance(item, Mapping) else None
    if isinstance(own, str) and own.strip() != text[start:end].strip():
        fix = "Correct the offsets: 0-based characters, end exclusive." + _other_units(text, start, end)
        raise fail(
            f"span text {own!r} does not match the text at its offsets, {text[start:end]!r}", fix=fix, value=item
        )
    return Span(start, end, label.strip() if has_label else None)


def span_values(item: Mapping) -> list:
    """Return start, end and label, by their names in any annotation tool: doccano's start_offset, Label Studio's labels.

    Example:

    >>> span_values({"start_offset": 3, "end_offset": 7, "labels": ["LOC"]})
    [3, 7, 'LOC']
    """
    values = [next((item[name] for name in names if item.get(name) is not None), None) for names in _KEYS]
    if isinstance(values[2], list | tuple) and len(values[2]) == 1:
        values[2] = values[2][0]
    return values


def _whole(value: object) -> int | None:
    """Return an offset as an integer; 3.0 is valid too, since columns with missing values are floats."""
    value = value.item() if hasattr(value, "item") else value  # a NumPy scalar, from a Parquet file
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):  # isfinite fails for huge ints
        return None
    return int(value) if value == int(value) else None


def _trimmed(text: str, span: Span) -> Span:
    inner = text[span.start : span.end]
    start = span.start + len(inner) - len(inner.lstrip())
    return span._replace(start=start, end=start + len(inner.strip())) if inner.strip() else span


def _check(text: str, span: Span, fail: _Fail) -> None:
    """Check that a span starts and ends at word boundaries."""
    start, end = span[:2]
    shown = text[start:end]
    if shown != shown.strip():
        fix = f"Trim it to {shown.strip()!r}, or use invalid='repair' (--invalid repair) to trim all spans."
        fix += _other_units(text, start, end)
        raise fail(f"a span starts or ends with whitespace: {shown!r}", fix=fix)
    if is_inside_letters(text, start) or is_inside_letters(text, end):
        around = text[max(0, start - 10) : end + 10]
        fix = "Move it to a word boundary. Do the offsets refer to another version of the text?"
        if not is_inside_letters(text, start) and not is_inside_letters(text, end + 1):
            fix = f"The end is exclusive: if your ends are inclusive, add 1 to all of them ({text[start : end + 1]!r})."
        fix = _other_units(text, start, end).strip() or fix
        raise fail(f"misaligned span: it splits a word in {around!r}: {shown!r}", fix=fix)


def _other_units(text: str, start: int, end: int) -> str:
    """Return a hint if the offsets would match words in other units."""
    for name, convert in UNITS.items():
        converted = convert(text, start), convert(text, end)
        if None in converted or converted == (start, end) or converted[0] >= converted[1]:
            continue
        shown = text[slice(*converted)]
        if shown == shown.strip() and not any(is_inside_letters(text, offset) for offset in converted):
            return f" The offsets seem to count {name} ({shown!r}): convert them to characters."
    return ""
