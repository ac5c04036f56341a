"""What `make docs` relies on, as far as it can be tested without MkDocs."""

import importlib.util
import re

import pytest
import yaml

import kerasft
from tests.docs.pages import DOCS, ROOT


class _Loader(yaml.SafeLoader):
    """Reads mkdocs.yml though it has tags of Python objects."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)
CONFIG = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), _Loader)


def pages_of(nav) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for each in nav for page in pages_of(each)] if isinstance(nav, list) else pages_of([*nav.values()])


def test_every_page_is_in_the_navigation_once():
    assert sorted(pages_of(CONFIG["nav"])) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_reference_has_a_page_for_every_public_part():
    documented = {path.stem for path in (DOCS / "api").glob("*.md")} - {"index"}
    assert documented == set(kerasft._SUBPACKAGES) - {"answers", "recipes"}  # which are read as files


def test_the_theme_loads_no_fonts():
    assert CONFIG["theme"]["font"] is False
    assert "repo_url" not in CONFIG  # the theme would ask GitHub for its stars


def test_examples_of_docstrings_use_nothing_of_the_tests():
    files = [
        path for path in (ROOT / "kerasft").rglob("*.py") if re.search(r">>> .*\btests\b", path.read_text("utf-8"))
    ]
    assert files == []


@pytest.fixture(scope="module")
def check_site():
    spec = importlib.util.spec_from_file_location("check_site", DOCS / "check_site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("content", "is_style", "expected"),
    [
        (
            '<link href="https://fonts.googleapis.com/css" rel="stylesheet">',
            False,
            ["https://fonts.googleapis.com/css"],
        ),
        ('<img src="//example.org/a.png">', False, ["//example.org/a.png"]),
        ("<style>body {background: url(https://example.org/a.png)}</style>", False, ["https://example.org/a.png"]),
        ('@import "https://example.org/a.css";', True, ["https://example.org/a.css"]),
        ('<link rel="canonical" href="https://example.org/"><a href="https://example.org">here</a>', False, []),
        ('<script src="assets/a.js"></script><img src="data:image/png;base64,AA">', False, []),
    ],
)
def test_what_is_loaded_from_elsewhere_is_found(check_site, content, is_style, expected):
    assert check_site.external_urls(content, is_style=is_style) == expected


def test_a_site_that_loads_from_elsewhere_or_is_empty_fails(check_site, tmp_path):
    with pytest.raises(SystemExit, match="has no pages"):
        check_site.main(tmp_path)
    (tmp_path / "index.html").write_text('<script src="https://example.org/a.js"></script>', "utf-8")
    with pytest.raises(SystemExit, match=re.escape("index.html: https://example.org/a.js")):
        check_site.main(tmp_path)
