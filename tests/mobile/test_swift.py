"""The iOS sample: every file parses; where there is a Swift compiler its tokenizers give the ids of training."""

import pathlib
import shutil
import subprocess

import pytest
import tree_sitter
import tree_sitter_swift

from tests import tiny
from tests.mobile.test_kotlin import with_added_tokens, write_golden
from tests.tokenizers import tiny_files

IOS = pathlib.Path(__file__).parents[2] / "kerasft" / "mobile" / "ios"


def wrong_places(tree) -> list[str]:
    """Lines that the grammar can't read."""
    found, nodes = [], [tree.root_node]
    while nodes:
        node = nodes.pop()
        if node.type == "ERROR" or node.is_missing:
            found.append(f"line {node.start_point.row + 1}: {node.text[:60]!r}")
        nodes += node.children
    return found


@pytest.mark.parametrize("path", sorted(IOS.rglob("*.swift")), ids=lambda path: path.stem)
def test_every_file_parses(path):
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_swift.language()))
    assert wrong_places(parser.parse(path.read_bytes())) == []


def test_the_ids_are_those_of_hugging_face(tmp_path):
    if not shutil.which("swift"):
        pytest.skip("no Swift compiler: put swift on the PATH (swift.org); the files are parsed only")
    package = shutil.copytree(IOS, tmp_path / "ios")
    tokenizers = {
        "wordpiece": tiny.tokenizer(),
        "added": with_added_tokens(tiny.tokenizer()),
        "gpt2": tiny_files.tokenizer("gpt2"),
        "roberta": tiny_files.tokenizer("roberta"),
    }
    folders = [str(write_golden(tmp_path / name, tokenizer, 48)) for name, tokenizer in tokenizers.items()]
    command = ["swift", "run", "--package-path", str(package), "golden", *folders]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 different") == len(folders)
