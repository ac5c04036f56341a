"""Tables, coloured spans and the scores of a report: what is shown, and that no text can become markup."""

from kerasft.reports import Report, highlight, table


def test_a_table_has_the_columns_asked_for_and_escapes_their_values():
    shown = table([{"text": "<b>", "score": 0.5, "row": 3}, {"text": "b", "score": None}], ["text", "score"])
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown
    assert "0.500" in shown
    assert "row" not in shown
    assert shown.count("<tr>") == 3
    assert shown._repr_html_() == str(shown)


def test_large_numbers_have_one_decimal():
    shown = table([{"MB": 89.7243, "kB": -23009.12, "ms": 9.9994}])
    assert [part.split("<")[0] for part in shown.split('10px">')[4:]] == ["89.7", "-23,009.1", "9.999"]


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


def test_a_report_is_shown_as_its_scores_beside_the_baseline():
    baseline = {"baseline": {"accuracy": 0.25}, "baseline_answer": "always '<b>'"}
    report = Report("Evaluation", {}, "single_label", ["a", "<b>"], 4, {"accuracy": 0.75, "log_loss": 0.5}, **baseline)
    shown = report._repr_html_()
    assert all(f">{name}</th>" in shown for name in ("score", "model", "baseline"))
    assert "0.7500" in shown
    assert "0.2500" in shown
    assert "Baseline: always &#39;&lt;b&gt;&#39;." in shown
    assert "no better" not in shown
    assert "labels" not in repr(report)


def test_a_report_without_a_baseline_has_two_columns_and_a_bad_model_a_warning():
    values = ("Evaluation", {}, "single_label", ["a", "b"], 4, {"accuracy": 0.25})
    assert ">baseline</th>" not in Report(*values)._repr_html_()
    shown = Report(*values, baseline={"accuracy": 0.5}, baseline_answer="always 'b'")._repr_html_()
    assert "no better than" in shown
