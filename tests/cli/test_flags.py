import argparse
import dataclasses

import pytest

from kerasft.cli.flags import add_options, read_options
from kerasft.errors import KerasftError
from kerasft.recipes import causal_lm, sequence_to_sequence, text_classification, token_classification
from kerasft.recipes.options import option


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    name: str = option("a name", required=True)
    share: float = option("50 % of something", default=0.5)
    fast: bool = option("a switch", default=False)
    kind: str | None = option("a kind", choices=("a", "b"))


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_options(parser, Options)
    parser.format_help()  # a lone % would raise here
    return read_options(parser.parse_args(words), Options, None)


def test_every_field_is_a_flag_of_its_type():
    assert parsed("--name", "x", "--share", "1", "--fast", "--kind", "b") == Options(
        name="x", share=1.0, fast=True, kind="b"
    )
    assert parsed("--name", "x", "--no-fast") == Options(name="x")


def test_a_required_option_is_asked_for():
    with pytest.raises(KerasftError, match=r"`--name` must be given \(a name\); received: None"):
        parsed("--share", "1")


def test_a_choice_is_checked_by_the_parser(capsys):
    with pytest.raises(SystemExit):
        parsed("--name", "x", "--kind", "c")
    assert "invalid choice: 'c'" in capsys.readouterr().err


@pytest.mark.parametrize("recipe", [text_classification, token_classification, causal_lm, sequence_to_sequence])
def test_help_is_in_groups_and_shows_the_defaults(recipe):
    parser = argparse.ArgumentParser(formatter_class=lambda prog: argparse.HelpFormatter(prog, width=200))
    add_options(parser, recipe.Options)
    text = parser.format_help()
    sections = ["\ndata:\n", "\nmodel:\n", "\ntraining:\n", "\noutput and evaluation:\n"]
    positions = [text.index(section) for section in sections]
    assert positions == sorted(positions)
    assert (
        positions[0] < text.index("\n  --train FILE ") < positions[1] < text.index("\n  --model MODEL ") < positions[2]
    )
    assert positions[2] < text.index("\n  --learning-rate X ") < positions[3] < text.index("\n  --output FOLDER ")
    for default in ("(required)", "(default: 0.1)", "(default: 0)", "(default: linear)", "(default: saved_models/"):
        assert default in text


def test_a_list_is_no_number(tmp_path):
    (tmp_path / "run.yaml").write_text("name: x\nshare: [1]\n")
    with pytest.raises(KerasftError, match=r"`share` must be of type float; received: \[1\]"):
        read_options(argparse.Namespace(), Options, str(tmp_path / "run.yaml"))


def test_a_byte_order_mark_and_blank_lines_are_no_keys(tmp_path):
    (tmp_path / "run.yaml").write_text("\ufeff\n\nname: x\n\nshare: 1\n\n", encoding="utf-8")
    assert read_options(argparse.Namespace(), Options, str(tmp_path / "run.yaml")) == Options(name="x", share=1.0)
