"""The word list of `make lint`: what it finds, what it leaves alone, and that the repository has none of it."""

import pathlib

import pytest

from tools.words import find, main

ROOT = pathlib.Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("text", "word", "suggestion"),
    [
        ("how to mend it", "mend", "fix"),
        ("Train it anew.", "anew", "again, from scratch"),
        ("this is no text", "is no text", "is not a ..., expected a ..."),
        ("this id stands twice", "stands twice", "occurs, is, duplicate"),
        ("Many-hot targets", "Many-hot", "multi-hot"),
        ("the surest answers", "surest", "most confident, sharper, flatter"),
        ("labelled rows", "labelled", "labeled, modeling"),
        ("Quantised weights", "Quantised", "spelling with z"),
    ],
)
def test_words_are_found_with_their_term(text, word, suggestion):
    (found,) = find(f"first line\n{text}\n", "a.md")
    assert found == ("a.md", 2, word, suggestion)


@pytest.mark.parametrize(
    "text",
    [
        "amend and commend",
        "there is no text",
        "from kerasft.cli.labelled import Labelled",
        "see kerasft/cli/labelled.py",
        "the exact words of a quotation: anew  # words: ok",
    ],
)
def test_other_lines_are_left_alone(text):
    assert list(find(text, "a.py")) == []


def test_places_are_printed(tmp_path, capsys):
    (tmp_path / "page.md").write_text("fine\nbegin anew\n")
    (tmp_path / "data.txt").write_text("anew")
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"{tmp_path}/page.md:2: 'anew': write again, from scratch\n"


def test_the_repository_uses_the_terms(capsys):
    assert main([str(ROOT / name) for name in ("kerasft", "docs", "README.md", "notebooks")]) == 0, (
        capsys.readouterr().out
    )
