"""Every example of the pages runs on tiny stand-ins, every command line parses, every link leads somewhere."""

import logging
import pathlib
import shutil

import pytest

from kerasft.cli.main import make_parser
from tests.docs import pages, stand_ins

RUN = [page for page in pages.PAGES if pages.python_blocks(page)]
RUN_ELSEWHERE = {
    "README.md": "tests/test_readme.py",
    "docs/own_head.md": "tests/test_own_head.py",
}
"""Pages whose blocks another test runs, which looks at what they give."""
SLOW = {"docs/generation_on_device.md"}
"""Pages that take more than 20 seconds."""
NOT_RUN = {
    "docs/generation_on_device.md": ["tests/export/test_litert_lm.py does this with a trained model"],
    "docs/mediapipe.md": ["needs the app's file; tests/export/test_mediapipe.py does this"],
    "docs/migrating.md": ["needs transformers 4"],
}
"""All blocks that no test here runs, by page, with the reason that the page gives in a comment above them."""
OPTIONS_OF_OTHERS = {
    "docs/benchmark.md": {"--use_gpu"},
    "docs/how_to/quantization_recipe.md": {"--families"},
    "docs/parity.md": {"--no-deps"},
    "docs/results.md": {"--defaults", "--table"},
    "docs/security.md": {"--turn"},
}
"""Options in the text that are not kerasft's but those of LiteRT's, pip's and our benchmarks' programs, by page."""
PLACEHOLDERS = {"...": ["--model", "MODEL", "--train", "TRAIN"]}


@pytest.fixture(scope="session")
def stand_in_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stand_ins")
    stand_ins.make(folder)
    return folder


@pytest.mark.filterwarnings("ignore::UserWarning")  # that a stand-in is no better than its baseline
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.slow] * (pages.name(page) in SLOW), id=pages.name(page)) for page in RUN],
)
def test_the_examples_run(page, stand_in_folder, tmp_path, monkeypatch, caplog):
    name = pages.name(page)
    if name in RUN_ELSEWHERE:
        assert page.name in (pages.ROOT / RUN_ELSEWHERE[name]).read_text("utf-8")
        return
    folder = tmp_path / "page"
    shutil.copytree(stand_in_folder, folder)
    monkeypatch.chdir(folder)
    caplog.set_level(logging.ERROR, logger="kerasft")  # for this page only: other tests read kerasft's messages
    names = {"__name__": "page"}
    for number, block in enumerate(pages.python_blocks(page)):
        if block.not_run is None:
            exec(compile(block.code, f"{name}, block {number}", "exec"), names)


def test_the_blocks_that_are_not_run_are_listed():
    found = {pages.name(page): [block.not_run for block in pages.blocks(page) if block.not_run] for page in pages.PAGES}
    assert {name: reasons for name, reasons in found.items() if reasons} == NOT_RUN


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_the_command_lines_parse(page, capsys):
    parser = make_parser()
    for words in pages.commands(page):
        words = [part for word in words for part in PLACEHOLDERS.get(word, [word])]
        try:
            parser.parse_args(words)
        except SystemExit:
            pytest.fail(f"kerasft {' '.join(words)}: {capsys.readouterr().err}")


def test_the_options_in_the_text_exist():
    known = set(_options(make_parser()))
    others = {pages.name(page): pages.options(page) - known for page in pages.PAGES}
    assert {name: options for name, options in others.items() if options} == OPTIONS_OF_OTHERS


def _options(parser):
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action.choices, dict):
            for each in action.choices.values():
                yield from _options(each)


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_the_files_that_the_text_names_exist(page):
    assert [path for path in pages.paths(page) if not (pages.ROOT / path).exists()] == []


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_the_links_lead_somewhere(page):
    broken = [link for link in pages.links(page) if not _exists(link, page)]
    assert broken == []


def _exists(link: str, page: pathlib.Path) -> bool:
    ours = "https://github.com/kerasft/kerasft/"
    for kind in ("blob/main/", "tree/main/"):
        if link.startswith(ours + kind):
            return (pages.ROOT / link.removeprefix(ours + kind).partition("#")[0]).exists()
    if "://" in link or link.startswith("mailto:"):
        return True
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or target.suffix != ".md" or anchor in pages.anchors(target))
