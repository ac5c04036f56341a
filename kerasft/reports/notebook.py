"""HTML output for notebooks: tables, and texts with highlighted spans."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from kerasft.reports import colours

_CELL = "text-align: left; vertical-align: top; padding: 4px 10px"
_SPAN = "padding: 1px 4px; border-radius: 3px; border-bottom: 3px solid {line}; background: {background}; color: {ink}"


class Html(Markup):
    """Escaped HTML, rendered by a notebook as a cell's value.

    Example:

    >>> Html("<b>good</b>")._repr_html_()
    '<b>good</b>'
    """

    def _repr_html_(self) -> str:
        return str(self)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> Html:
    """Render dictionaries, such as `report.errors`, as a table.

    Args:
        rows: One dictionary per row. A missing key or None gives an empty cell; floats have three decimals, from 10 on one.
        columns: The keys to show, in this order; default: those of the first row.

    Returns:
        The table; every value is escaped.

    Example:

    >>> "<td" in table([{"text": "a <b> film", "score": 0.91234}])
    True
    """
    columns = list(columns if columns is not None else rows[0] if rows else ())
    cell = Markup(f'<td style="{_CELL}">{{}}</td>')
    head = Markup("").join(Markup(f'<th style="{_CELL}">{{}}</th>').format(name) for name in columns)
    lines = (Markup("").join(cell.format(_shown(row.get(name))) for name in columns) for row in rows)
    body = Markup("").join(Markup("<tr>{}</tr>").format(line) for line in lines)
    return Html(Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body))


def _shown(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"
    return value


def highlight(items: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> Html:
    """Render texts with highlighted spans, one color per label.

    Args:
        items: Tuples of a text and its spans: dictionaries with `start` and `end` (characters, end exclusive) and, for typed
            spans, `label`, as the pipelines return them. If spans overlap, only the first is highlighted.

    Returns:
        One paragraph per text; every text and label is escaped.

    Example:

    >>> "Rome" in highlight([("In Rome", [{"start": 3, "end": 7, "label": "city"}])])
    True
    """
    items = [(text, sorted(spans, key=lambda span: (span["start"], span["end"]))) for text, spans in items]
    labels = sorted({str(span.get("label") or "") for _, spans in items for span in spans})
    hues = {label: number % colours.NUM_HUES for number, label in enumerate(labels)}
    paragraph = Markup('<p style="line-height: 2.1; margin: 0 0 6px">{}</p>')
    return Html(Markup("").join(paragraph.format(_marked(text, spans, hues)) for text, spans in items))


def _marked(text: str, spans: Sequence[Mapping[str, Any]], hues: Mapping[str, int]) -> Markup:
    pieces, end = [], 0
    for span in spans:
        if span["start"] < end:
            continue
        label = str(span.get("label") or "")
        hue = hues[label]
        line, background = colours.lines()[hue], colours.backgrounds()[hue]
        css = _SPAN.format(line=line, background=background, ink=colours.INK)
        note = Markup("&nbsp;<small><b>{}</b></small>").format(label) if label else ""
        pieces.append(escape(text[end : span["start"]]))
        pieces.append(Markup(f'<mark style="{css}">{{}}{{}}</mark>').format(text[span["start"] : span["end"]], note))
        end = span["end"]
    return Markup("").join([*pieces, escape(text[end:])])
