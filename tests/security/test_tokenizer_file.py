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
    with pytest.raises(CheckpointError, match=r"tokenizer\.json holds the regular expression .* could take forever"):
        kerasft.load_bundle(bundle)


@pytest.mark.parametrize("pattern", [" {2,}", r"\d", "[a-z]+", *_KNOWN])
def test_expressions_of_real_tokenizers_pass(pattern):
    security.check_tokenizer({"normalizers": [{"pattern": {"Regex": pattern}}]}, "tokenizer.json")
