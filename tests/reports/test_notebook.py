"""Tables and coloured spans: what is shown, and that no text can become markup."""

from kerasft.reports import highlight, table


def test_a_table_has_the_columns_asked_for_and_escapes_their_values():
    shown = table([{"text": "<b>", "score": 0.5, "row": 3}, {"text": "b", "score": None}], ["text", "score"])
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown
    assert "0.500" in shown
    assert "row" not in shown
    assert shown.count("<tr>") == 3
    assert shown._repr_html_() == str(shown)


def test_a_table_of_no_rows_is_empty():
    assert "<td" not in table([])


def test_spans_are_marked_in_order_with_a_colour_for_each_label():
    spans = [{"start": 8, "end": 12, "label": "CITY"}, {"start": 0, "end": 3, "label": "<PER>"}]
    shown = highlight([("Ann in <Rome>", spans), ("Rome", [{"start": 0, "end": 4, "label": "CITY"}])])
    assert shown.index("Ann") < shown.index("Rome")
    assert "&lt;PER&gt;" in shown
    assert "in &lt;<mark" in shown
    styles = [part.split('"')[0] for part in shown.split('<mark style="')[1:]]
    assert styles[1] == styles[2] != styles[0]


def test_overlapping_spans_and_spans_without_labels():
    shown = highlight([("abcdef", [{"start": 0, "end": 4}, {"start": 2, "end": 6}])])
    assert shown.count("<mark") == 1
    assert "<small>" not in shown
    assert shown.endswith("ef</p>")
