"""Regular expressions in a tokenizer's file."""

import json

import pytest

import kerasft
from kerasft import security
from kerasft.errors import CheckpointError
from kerasft.security.tokenizer_file import _KNOWN


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b*", r"(\w+\s?)*x", "a{1,99}{1,99}", "x" * 300])
@pytest.mark.parametrize("place", ["pre_tokenizer", "normalizer", "decoder"])
def test_an_expression_that_repeats_twice_is_refused(bundle, pattern, place):
    path = bundle / "tokenizer.json"
    parts = json.loads(path.read_text())
    parts[place] = {"type": "Replace", "pattern": {"Regex": pattern}, "content": ""}
    path.write_text(json.dumps(parts))
    with pytest.raises(CheckpointError, match=r"tokenizer\.json contains the regular expression .* may never finish"):
        kerasft.load_bundle(bundle)


@pytest.mark.parametrize("pattern", [" {2,}", r"\d", "[a-z]+", *_KNOWN])
def test_expressions_of_real_tokenizers_pass(pattern):
    security.check_tokenizer({"normalizers": [{"pattern": {"Regex": pattern}}]}, "tokenizer.json")


def changed(bundle, change):
    """Change the bundle's tokenizer.json."""
    path = bundle / "tokenizer.json"
    parts = json.loads(path.read_text("utf-8"))
    change(parts)
    path.write_text(json.dumps(parts), "utf-8")


@pytest.mark.parametrize("number", [2**31 - 1, 10**7, -1, 10**400])
@pytest.mark.parametrize(
    "put",
    [
        lambda parts, number: parts["model"]["vocab"].update(film=number),
        lambda parts, number: parts["added_tokens"][0].update(id=number),
        lambda parts, number: parts.update(padding={"strategy": {"Fixed": number}}),
    ],
)
def test_an_id_or_length_that_no_tokenizer_has_is_refused(bundle, put, number):
    """The library lists all ids up to the largest: one of 2^31 takes all memory."""
    changed(bundle, lambda parts: put(parts, number))
    with pytest.raises(CheckpointError, match=r"ids and lengths must be from 0 to 4999999; .*KERASFT_MAX_TOKENS"):
        kerasft.load_bundle(bundle)


def replace(old, new):
    """A normaliser that replaces a text."""
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"type": "Sequence", "normalizers": [replace("a", "aa")] * 40}, "expand one character to up to 1099511627776"),
        ({"type": "Sequence", "normalizers": [{"type": "Lowercase"}] * 200}, "of 201 components"),
        (replace("", "x"), "replaces the empty string"),
        ({"type": "Prepend", "prepend": "x" * 5000}, "expand one character to up to 5000"),
    ],
)
def test_a_text_that_would_grow_without_end_is_refused(bundle, part, problem):
    changed(bundle, lambda parts: parts.update(normalizer=part))
    with pytest.raises(CheckpointError, match=rf"tokenizer\.json has a normalizer .*{problem}"):
        kerasft.load_bundle(bundle)


def test_a_template_that_repeats_the_text_is_refused(bundle):
    changed(bundle, lambda parts: parts["post_processor"]["single"].extend(parts["post_processor"]["single"] * 50))
    with pytest.raises(CheckpointError, match="adds more than 100 tokens to a text"):
        kerasft.load_bundle(bundle)


def test_a_tokenizer_that_can_answer_no_text_is_refused(bundle):
    changed(bundle, lambda parts: parts["model"]["vocab"].pop("[UNK]"))
    changed(bundle, lambda parts: parts["added_tokens"].pop(1))
    with pytest.raises(CheckpointError, match="the tokenizer's files cannot be read"):
        kerasft.load_bundle(bundle)
