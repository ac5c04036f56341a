"""The older files alone: every family's ids are those of its class in transformers."""

import json

import pytest
import transformers

from kerasft import tokenizers
from kerasft.errors import CheckpointError
from kerasft.tokenizers import kinds
from tests.tokenizers.tiny_files import FAMILIES, STRANGE, TEXTS, old_files, sentencepiece_bytes, tokenizer

CLASSES = {
    "bert": "BertTokenizer",
    "gpt2": "GPT2Tokenizer",
    "roberta": "RobertaTokenizer",
    "t5": "T5Tokenizer",
    "xlm-roberta": "XLMRobertaTokenizer",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_ids_and_offsets_are_those_of_transformers(tmp_path, family):
    folder = old_files(family, tmp_path, {"do_lower_case": False} if family == "bert" else None)
    loaded = tokenizers.load(folder)
    reference = getattr(transformers, CLASSES[family]).from_pretrained(str(folder), local_files_only=True)
    for text in TEXTS + STRANGE:
        assert loaded(text)["input_ids"] == reference(text)["input_ids"], text
        assert loaded(text, "good")["input_ids"] == reference(text, "good")["input_ids"], text
    assert loaded.model_input_names == reference.model_input_names
    assert loaded.is_fast


@pytest.mark.parametrize("family", FAMILIES)
def test_saved_and_loaded_it_is_the_same(tmp_path, family):
    loaded = tokenizers.load(old_files(family, tmp_path / "old"))
    tokenizers.save(loaded, tmp_path / "new")
    again = tokenizers.load(tmp_path / "new")
    for text in TEXTS + STRANGE:
        assert again(text, "bad film", return_offsets_mapping=True) == loaded(
            text, "bad film", return_offsets_mapping=True
        )
    assert (again.pad_token_id, again.mask_token_id) == (loaded.pad_token_id, loaded.mask_token_id)


@pytest.mark.parametrize(
    ("family", "single", "pair"),
    [
        ("bert", "[CLS] a [SEP]", "[CLS] a [SEP] b [SEP]"),
        ("gpt2", "a", "a b"),
        ("roberta", "<s> a </s>", "<s> a </s> </s> b </s>"),
        ("t5", "▁a </s>", "▁a </s> ▁ b </s>"),
        ("xlm-roberta", "<s> ▁a </s>", "<s> ▁a </s> </s> ▁ b </s>"),
    ],
)
def test_special_tokens_stand_where_they_belong(tmp_path, family, single, pair):
    loaded = tokenizers.load(old_files(family, tmp_path))
    assert loaded.convert_ids_to_tokens(loaded("a")["input_ids"]) == single.split()
    assert loaded.convert_ids_to_tokens(loaded("a", "b")["input_ids"]) == pair.split()


def test_gpt2_pads_with_its_end_token(tmp_path):
    loaded = tokenizers.load(old_files("gpt2", tmp_path))
    assert loaded.pad_token == loaded.eos_token == "<|endoftext|>"
    padded = loaded(["a", "a good film"], padding=True)
    assert padded["attention_mask"][0] == [1, 0, 0]
    assert padded["input_ids"][0][1:] == [loaded.eos_token_id] * 2


def test_gpt2_puts_a_first_token_where_its_settings_say_so(tmp_path):
    loaded = tokenizers.load(old_files("gpt2", tmp_path, {"add_bos_token": True}))
    assert loaded.convert_ids_to_tokens(loaded("a")["input_ids"]) == ["<|endoftext|>", "a"]


def test_add_prefix_space_is_honoured(tmp_path):
    loaded = tokenizers.load(old_files("roberta", tmp_path, {"add_prefix_space": True}))
    assert loaded.tokenize("a good")[0] == loaded.tokenize("x a good")[-2] == "Ġa"


def test_a_mask_takes_the_space_before_it(tmp_path):
    loaded = tokenizers.load(old_files("roberta", tmp_path))
    ids = loaded("a <mask> film", add_special_tokens=False)["input_ids"]
    assert loaded.convert_ids_to_tokens(ids) == ["a", "<mask>", "Ġfilm"]


def test_t5_has_its_sentinels(tmp_path):
    size = len(tokenizer("t5"))
    assert len(tokenizers.load(old_files("t5", tmp_path / "default"))) == size + 100
    loaded = tokenizers.load(old_files("t5", tmp_path / "two", {"extra_ids": 2}))
    assert loaded.convert_tokens_to_ids(["<extra_id_1>", "<extra_id_0>"]) == [size, size + 1]
    assert loaded.tokenize("a <extra_id_0> film")[1] == "<extra_id_0>"
    assert loaded.decode(loaded("a <extra_id_0>")["input_ids"], skip_special_tokens=True).strip() == "a"


@pytest.mark.parametrize(
    ("settings", "config", "expected"),
    [
        ({"tokenizer_class": "GPT2TokenizerFast"}, {"model_type": "roberta"}, "<|endoftext|>"),
        ({}, {"model_type": "gpt2"}, "<|endoftext|>"),
        ({"tokenizer_class": "PreTrainedTokenizerFast"}, {"model_type": "gpt2"}, "<|endoftext|>"),
        ({}, {}, "</s>"),  # the vocabulary has <mask>
    ],
)
def test_the_class_is_found(tmp_path, settings, config, expected):
    folder = old_files("roberta", tmp_path, settings)
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    (folder / "vocab.json").write_text(json.dumps(vocabulary | {"<|endoftext|>": len(vocabulary)}))
    (folder / "config.json").write_text(json.dumps(config))
    assert tokenizers.load(folder).eos_token == expected


@pytest.mark.parametrize(("model_type", "segments"), [("bert", True), ("electra", True), ("distilbert", False)])
def test_segments_are_as_the_model_takes_them(tmp_path, model_type, segments):
    folder = old_files("bert", tmp_path)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    assert ("token_type_ids" in tokenizers.load(folder)("a")) == segments


def test_mt5_has_no_sentinels(tmp_path):
    folder = old_files("t5", tmp_path)
    (folder / "config.json").write_text('{"model_type": "mt5"}')
    assert len(tokenizers.load(folder)) == len(tokenizer("t5"))


@pytest.mark.parametrize("form", ["added_tokens.json", "tokenizer_config.json"])
def test_added_tokens_get_their_ids(tmp_path, form):
    size = len(tokenizer("roberta"))
    content = {"<e2>": size + 1, "<e1>": size}
    if form == "tokenizer_config.json":
        content = {"added_tokens_decoder": {str(index): {"content": token} for token, index in content.items()}}
    folder = old_files("roberta", tmp_path)
    (folder / form).write_text(json.dumps(content))
    loaded = tokenizers.load(folder)
    assert loaded.convert_tokens_to_ids(["<e1>", "<e2>"]) == [size, size + 1]
    assert loaded.tokenize("a<e1>a<e2>") == ["a", "<e1>", "a", "<e2>"]


def test_an_added_token_of_another_vocabulary_is_refused(tmp_path):
    folder = old_files("roberta", tmp_path)
    (folder / "added_tokens.json").write_text('{"<e1>": 5000}')
    with pytest.raises(CheckpointError, match=r"'<e1>' must have id 5000; received: \d+"):
        tokenizers.load(folder)


@pytest.mark.parametrize(
    "settings",
    [
        {"vocab_file": "../secret.txt", "tokenizer_file": "../secret.json", "merges_file": "/etc/passwd"},
        {"fast_tokenizer_files": ["../tokenizer.json"], "special_tokens_map_file": "../map.json"},
        {"auto_map": {"AutoTokenizer": ["evil.Slow", "evil.Fast"]}, "tokenizer_class": "Evil"},
        {"auto_map": ["../evil.Slow", None], "chat_template": "{{ 1 / 0 }}"},
    ],
)
@pytest.mark.parametrize("with_json", [True, False])
def test_names_of_files_and_of_code_are_never_followed(tmp_path, settings, with_json):
    outside = tmp_path / "secret.txt"
    outside.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nsecret\n")
    for name in ("secret.json", "tokenizer.json", "map.json"):
        (tmp_path / name).write_text("not JSON: reading it would be an error")
    (tmp_path / "evil.py").write_text("raise SystemExit('code was run')")
    folder = old_files("bert", tmp_path / "folder")
    if with_json:
        tokenizers.save(tokenizers.load(folder), folder)
    (folder / "evil.py").write_text("raise SystemExit('code was run')")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77, **settings}))
    loaded = tokenizers.load(folder)
    assert "secret" not in loaded.get_vocab()
    assert loaded.model_max_length == 77
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "evil.py", "folder", "map.json", "secret.json", "secret.txt", "tokenizer.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("family", "file", "content"),
    [
        ("gpt2", "merges.txt", "#version: 0.2\na b c\n"),
        ("gpt2", "merges.txt", "nonsense merge\n"),
        ("gpt2", "vocab.json", '{"a": "one"}'),
        ("gpt2", "vocab.json", "[1]"),
        ("roberta", "vocab.json", '{"a": 0}'),
        ("t5", "spiece.model", ""),
        ("t5", "spiece.model", "version https://git-lfs.github.com/spec/v1\n"),
        ("xlm-roberta", "sentencepiece.bpe.model", "\x00\x01"),
        ("bert", "tokenizer_config.json", '{"cls_token": 7}'),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path, family, file, content):
    folder = old_files(family, tmp_path)
    (folder / file).write_text(content)
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        tokenizers.load(folder)


def test_a_file_of_its_class_is_missing(tmp_path):
    folder = old_files("gpt2", tmp_path)
    (folder / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(CheckpointError, match=r"expected tokenizer\.json or spiece\.model"):
        tokenizers.load(folder)


def test_every_byte_string_is_read_or_refused(tmp_path):
    """Cut and bent SentencePiece files: a tokenizer or one sentence, never anything else."""
    whole = old_files("t5", tmp_path / "whole").joinpath("spiece.model").read_bytes()
    folder = tmp_path / "bent"
    folder.mkdir()
    refused = []
    for step in range(0, len(whole), max(1, len(whole) // 150)):
        bent = bytearray(whole)
        bent[step] ^= 0xFF
        for content in (bytes(bent), whole[:step]):
            (folder / "spiece.model").write_bytes(content)
            try:
                tokenizers.load(folder)("a good film")
            except CheckpointError as error:
                refused.append(str(error))
    assert len(refused) > 150
    assert all(str(folder) in message for message in refused)


def test_a_bpe_model_of_sentencepiece_is_refused(tmp_path):
    (tmp_path / "spiece.model").write_bytes(sentencepiece_bytes([("<unk>", 0.0, 2)], model_type=2))
    with pytest.raises(CheckpointError, match=r"must be a Unigram model .*; received: model type 2"):
        tokenizers.load(tmp_path)


def test_user_defined_pieces_are_found_whole(tmp_path):
    pieces = [("<pad>", 0.0, 3), ("</s>", 0.0, 3), ("<unk>", 0.0, 2), ("▁", -2.0, 1), ("a", -2.0, 1), ("<q>", 0.0, 4)]
    (tmp_path / "spiece.model").write_bytes(sentencepiece_bytes(pieces))
    assert "<q>" in tokenizers.load(tmp_path).tokenize("a<q>a")


def test_settings_win_over_tokenizer_json(tmp_path):
    folder = old_files("bert", tmp_path, {"do_lower_case": False})
    tokenizers.save(tokenizers.load(folder), folder)
    assert tokenizers.load(folder).backend_tokenizer.normalizer.lowercase is False
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    normalizer = tokenizers.load(folder).backend_tokenizer.normalizer
    assert normalizer.lowercase is True
    assert normalizer.handle_chinese_chars is True


def test_every_model_type_has_its_class():
    assert set(kinds.BY_MODEL_TYPE.values()) <= set(kinds.KINDS)
