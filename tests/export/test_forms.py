"""The exports of one model, side by side in the pages of all of them."""

import json
import re

import pytest

from kerasft.export.forms import charts, forms_of
from kerasft.export.mobile_pages import update_pages_beside, write_pages
from tests.reports.test_html import HOSTILE, Page

SIGNATURE = {"signatures": {"serving_default": {"inputs": {}, "outputs": {}}}, "lengths": [], "max_length": 16}
METADATA = {"created": "2026-11-29T10:00:00+00:00", "task": "text-classification", "num_parameters": 22_000_000}


def report(folder, quantize=None, *, size=90e6, times=(33.2, 18.5), **more):
    latency = {f"threads_{number}": {"median": ms, "p90": ms} for number, ms in enumerate(times, 1)}
    facts = {"format": "litert", "task": "text-classification", "quantize": quantize, "folder": str(folder)}
    return (
        facts
        | {"size_bytes": size, "latency_ms": latency, "agreement": 1.0, "num_texts": 2, "max_difference": 0.1}
        | more
    )


def export(folder, quantize=None, *, metadata=METADATA, **facts):
    """What `kerasft.export.litert` writes, without the model."""
    folder.mkdir(parents=True)
    made = report(folder, quantize, **facts) | {"operators": []}
    for name, content in (("kerasft.json", metadata), ("report.json", made), ("signature.json", SIGNATURE)):
        (folder / name).write_text(json.dumps(content), "utf-8")
    write_pages(folder, made, SIGNATURE)
    update_pages_beside(folder, made)
    return made


def bars(folder):
    return Page((folder / "report.html").read_text("utf-8")).tags.count("rect")


def test_every_page_shows_every_form_whichever_was_written_first(tmp_path):
    folders = {name: tmp_path / f"reviews.litert.{name}" for name in ("int8", "float32", "float16")}
    export(folders["int8"], "int8", size=23e6, times=(12.5, 9.2))
    assert bars(folders["int8"]) == 3  # its size, and its latency with one thread and two
    export(folders["float32"])
    export(folders["float16"], "float16", size=45e6, times=(33.0, 18.3))
    for name, folder in folders.items():
        page = Page((folder / "report.html").read_text("utf-8"))
        assert page.tags.count("rect") == 9
        for text in ("90.0 MB", "45.0 MB", "23.0 MB", "33.2 ms, 1 thread", "9.20 ms, 2 threads", f"{name} (this file)"):
            assert text in page.text
        assert page.text.count("(this file)") == 2  # in the chart of sizes and in that of times
        assert not [value for _, key, value in page.attributes if key in ("src", "href", "xlink:href")]


def test_float32_comes_first_and_the_longest_bar_is_the_largest_number(tmp_path):
    for name, size in (("int8", 23e6), ("float16", 45e6), ("int8_full", 24e6), (None, 90e6)):
        made = export(tmp_path / f"r.{name}", name, size=size)
    forms = forms_of(tmp_path / "r.None", made)
    assert [form["name"] for form in forms] == ["float32", "float16", "int8", "int8_full"]
    sizes, times = charts(forms)
    widths = [row["bars"][0]["width"] for row in sizes["rows"]]
    assert widths == [400, pytest.approx(200), pytest.approx(102.2), pytest.approx(106.7)]
    assert len(times["rows"][0]["bars"]) == 2


def test_other_models_and_older_ones_are_left_out(tmp_path):
    export(tmp_path / "other", metadata=METADATA | {"num_parameters": 1})
    export(tmp_path / "older", metadata=METADATA | {"created": "2026-11-28T10:00:00+00:00"})
    export(tmp_path / "unknown", metadata={})
    made = export(tmp_path / "mine", "int8")
    assert [form["folder"] for form in forms_of(tmp_path / "mine", made)] == ["mine"]
    assert bars(tmp_path / "older") == 3


@pytest.mark.parametrize(
    "content",
    ["", "[1]", "{", '{"size_bytes": "large"}', '{"size_bytes": NaN}', '{"size_bytes": -1}', '{"size_bytes": true}'],
)
def test_a_neighbour_that_cannot_be_read_is_left_out(tmp_path, content, caplog):
    export(tmp_path / "broken")
    (tmp_path / "broken" / "report.json").write_text(content)
    made = export(tmp_path / "mine", "int8")
    assert [form["folder"] for form in forms_of(tmp_path / "mine", made)] == ["mine"]


def test_a_neighbour_whose_page_cannot_be_written_again_is_named_and_no_error(tmp_path, caplog):
    export(tmp_path / "old", "int8")
    (tmp_path / "old" / "signature.json").write_text("{")
    export(tmp_path / "new")
    assert "old" in caplog.text
    assert "report.html was not updated with the new export" in caplog.text
    assert bars(tmp_path / "new") == 6


def test_a_folder_by_a_relative_path_and_a_parent_that_is_gone(tmp_path, monkeypatch):
    export(tmp_path / "a", "int8")
    made = export(tmp_path / "c", "float16")
    monkeypatch.chdir(tmp_path / "c")
    assert [form["folder"] for form in forms_of(tmp_path / "c", made | {"folder": "."})] == ["c", "a"]
    assert len(forms_of(tmp_path / "c", made | {"folder": str(tmp_path / "gone" / "d")})) == 1


def test_strange_numbers_are_not_drawn(tmp_path):
    made = report(tmp_path / "x") | {"latency_ms": {"threads_1": {"median": float("nan")}, "threads_2": 3}}
    (form,) = forms_of(tmp_path / "x", made)
    assert form["latency_ms"] == {}
    assert [chart["title"] for chart in charts([form])] == ["Size"]


def test_a_saved_model_and_a_model_that_writes_texts(tmp_path):
    saved = report(tmp_path / "s") | {"format": "saved_model", "latency_ms": {"default": {"median": 120.4}}}
    writer = report(tmp_path / "w") | {"latency_ms": {}, "tokens_per_second": 87.4}
    forms = [*forms_of(tmp_path / "s", saved), *forms_of(tmp_path / "w", writer)]
    assert forms[0]["name"] == "SavedModel, float32"
    texts = [bar["text"] for chart in charts(forms) for row in chart["rows"] for bar in row["bars"]]
    assert texts == ["90.0 MB", "90.0 MB", "120 ms", "87 tokens/s"]


def test_nothing_measured_and_one_value_of_zero(tmp_path):
    assert charts([]) == []
    made = report(tmp_path / "x", size=0, times=())
    (chart,) = charts(forms_of(tmp_path / "x", made))
    assert chart["rows"][0]["bars"][0]["width"] == 2


def test_many_forms_stay_on_a_page_and_this_one_is_among_them(tmp_path):
    for number in range(14):
        export(tmp_path / f"r{number:02d}", "int8")
    made = export(tmp_path / "last", "int8_full")
    forms = forms_of(tmp_path / "last", made)
    assert len(forms) == 12
    assert [form["this"] for form in forms].count(True) == 1


def test_hostile_names_of_folders_do_nothing(tmp_path):
    export(tmp_path / '"><script>alert(1)<b>', "int8")
    export(tmp_path / "mine")
    page = Page((tmp_path / "mine" / "report.html").read_text("utf-8"))
    assert "script" not in page.tags
    assert HOSTILE[0].partition("<b>")[0][:8] in page.text


def test_the_page_is_dark_where_the_reader_wants_it(tmp_path):
    export(tmp_path / "mine")
    page = (tmp_path / "mine" / "report.html").read_text("utf-8")
    assert "prefers-color-scheme: dark" in page
    style = page.partition("</style>")[0]
    body = page.partition("</style>")[2]
    assert not re.search(r"#[0-9a-f]{6}", body)  # every colour is one of the page's two sets
    assert style.count("--other:") == 2


@pytest.mark.parametrize(
    "size", [10**400, float("nan"), -1, "90", True], ids=["huge", "nan", "negative", "text", "true"]
)
def test_a_size_that_is_no_number_is_left_out(tmp_path, size):
    other = export(tmp_path / "other", "int8")
    (tmp_path / "other" / "report.json").write_text(json.dumps(other | {"size_bytes": size}), "utf-8")
    made = export(tmp_path / "mine")
    assert [form["folder"] for form in forms_of(tmp_path / "mine", made)] == ["mine"]


def test_a_report_that_cannot_be_read_does_not_end_the_export(tmp_path, caplog):
    export(tmp_path / "mine")
    update_pages_beside(tmp_path / "mine", [])
    assert "not updated" in caplog.text
