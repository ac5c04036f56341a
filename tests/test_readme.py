"""The README's Python example runs as it stands, on a tiny checkpoint in place of the large one."""

import csv
import pathlib
import re

import kerasft
from tests import tiny

README = pathlib.Path(__file__).parent.parent / "README.md"


def test_the_python_example_runs(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    tiny.bert_folder(tmp_path / "bert-base-uncased")  # a local folder of that name goes before the hub
    rows = [("a good film", "positive"), ("a bad movie", "negative"), ("great", "positive"), ("poor card", "negative")]
    for name in ("train.csv", "dev.csv"):
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows * 4])
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(README), "exec"), {})
    assert kerasft.load_bundle("saved_models/reviews").labels == ["negative", "positive"]
    assert pathlib.Path("saved_models/reviews.litert.int8/model.tflite").is_file()


def test_every_page_that_the_readme_names_exists():
    text = README.read_text("utf-8")
    assert all((README.parent / page).exists() for page in re.findall(r"\]\(([\w/.]+)\)", text))
    assert "_TIME" not in text
