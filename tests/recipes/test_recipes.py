"""What holds for every recipe: short, and made of public parts."""

import ast
import pathlib

import pytest

import kerasft

FOLDER = pathlib.Path(kerasft.__file__).parent / "recipes"
SHARED = (
    "__init__",
    "defaults",
    "options",
    "output",
    "reading",
    "skipping",
    "tagging",
    "training",
    "tuning",
    "weights",
)
RECIPES = sorted(path for path in FOLDER.glob("*.py") if path.stem not in SHARED)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_short_and_imports_public_names(path):
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 150
    imported = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    assert not [alias.name for node in imported for alias in node.names if alias.name.startswith("_")]
