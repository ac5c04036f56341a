"""Tokenizer types: how each is built from a vocabulary, and from which legacy files.

A `tokenizer.json` is complete; with the legacy files, the tokenizer's class defines normalizer, splitting and special tokens.
The functions below build these parts like the classes of `transformers`, with the `tokenizers` library only.
"""

import dataclasses
import io
import pathlib
from collections.abc import Callable, Mapping

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from kerasft import security
from kerasft.tokenizers import sentencepiece_file

Settings = Mapping[str, object]
"""Fields of `tokenizer_config.json`."""

BERT_TOKENS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
ROBERTA_TOKENS = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "cls_token": "<s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}
GPT2_TOKENS = dict.fromkeys(("unk_token", "bos_token", "eos_token"), "<|endoftext|>")
T5_TOKENS = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
_MOST_SENTINELS = 10_000  # T5 has 100
_WORD_START = "\u2581"  # SentencePiece's symbol for a space


def wordpiece(vocabulary: Mapping[str, int], settings: Settings) -> Tokenizer:
    """BERT's WordPiece (https://arxiv.org/abs/1810.04805) with BERT's normalizer and `[CLS] a [SEP] b [SEP]`.

    Args:
        vocabulary: Token -> id.
        settings: Special tokens, `do_lower_case`, `strip_accents`, `tokenize_chinese_chars`.
    """
    backend = Tokenizer(models.WordPiece(dict(vocabulary), unk_token=settings["unk_token"]))
    backend.normalizer = bert_normalizer(settings)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix="##")
    first, last = settings["cls_token"], settings["sep_token"]
    if {first, last} <= vocabulary.keys():
        backend.post_processor = _template(
            backend, f"{first} $A {last}", f"{first} $A {last} $B:1 {last}:1", first, last
        )
    return backend


def bert_normalizer(settings: Settings) -> normalizers.BertNormalizer:
    """BERT's normalizer with the settings of `tokenizer_config.json`."""
    return normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=bool(settings.get("tokenize_chinese_chars", True)),
        strip_accents=settings.get("strip_accents"),
        lowercase=bool(settings.get("do_lower_case", True)),
    )


def gpt2(vocabulary: Mapping[str, int], merges: list[tuple[str, str]], settings: Settings) -> Tokenizer:
    """GPT-2's byte-level BPE (Radford et al. 2019): no special tokens are added, and offsets include the preceding space.

    Args:
        vocabulary: Token -> id; a token's characters represent bytes.
        merges: Pairs of tokens, in order of priority.
        settings: Special tokens, `add_prefix_space`, `add_bos_token`.
    """
    backend = _byte_level(vocabulary, merges, settings)
    backend.post_processor = processors.ByteLevel(trim_offsets=False)
    first = settings.get("bos_token")
    if settings.get("add_bos_token") and first in vocabulary:
        template = _template(backend, f"{first} $A", f"{first} $A {first} $B", first)
        backend.post_processor = processors.Sequence([backend.post_processor, template])
    return backend


def roberta(vocabulary: Mapping[str, int], merges: list[tuple[str, str]], settings: Settings) -> Tokenizer:
    """RoBERTa's byte-level BPE (https://arxiv.org/abs/1907.11692): GPT-2's with `<s> a </s></s> b </s>`.

    Args:
        vocabulary: Token -> id; a token's characters represent bytes.
        merges: Pairs of tokens, in order of priority.
        settings: Special tokens, `add_prefix_space`, `trim_offsets`.
    """
    backend = _byte_level(vocabulary, merges, settings)
    first, last = settings["cls_token"], settings["sep_token"]
    if {first, last} <= vocabulary.keys():
        backend.post_processor = processors.RobertaProcessing(
            (last, vocabulary[last]),
            (first, vocabulary[first]),
            trim_offsets=bool(settings.get("trim_offsets", True)),
            add_prefix_space=bool(settings.get("add_prefix_space", False)),
        )
    return backend


def _byte_level(vocabulary: Mapping[str, int], merges: list[tuple[str, str]], settings: Settings) -> Tokenizer:
    backend = Tokenizer(models.BPE(dict(vocabulary), merges, continuing_subword_prefix="", end_of_word_suffix=""))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=bool(settings.get("add_prefix_space", False)))
    backend.decoder = decoders.ByteLevel()
    return backend


def t5(
    pieces: list[tuple[str, float]], settings: Settings, *, unknown_id: int = 2, character_map: bytes = b""
) -> Tokenizer:
    """T5's SentencePiece Unigram (https://arxiv.org/abs/1910.10683): `a </s>`, of a pair `a </s> b </s>`.

    Args:
        pieces: Tokens and their log probabilities, in the order of ids.
        settings: Special tokens.
        unknown_id: The id of `<unk>`.
        character_map: SentencePiece's compiled normalizer; empty: none.
    """
    backend = _unigram(pieces, unknown_id, character_map)
    last = settings["eos_token"]
    if backend.token_to_id(last) is not None:
        backend.post_processor = _template(backend, f"$A {last}", f"$A {last} $B {last}", last)
    return backend


def xlm_roberta(
    pieces: list[tuple[str, float]], settings: Settings, *, unknown_id: int = 3, character_map: bytes = b""
) -> Tokenizer:
    """XLM-RoBERTa's SentencePiece Unigram (https://arxiv.org/abs/1911.02116): `<s> a </s>`, `<s> a </s></s> b </s>`.

    Args:
        pieces: Tokens and their log probabilities, in the order of ids.
        settings: Special tokens.
        unknown_id: The id of `<unk>`.
        character_map: SentencePiece's compiled normalizer; empty: none.
    """
    backend = _unigram(pieces, unknown_id, character_map)
    first, last = settings["cls_token"], settings["sep_token"]
    if backend.token_to_id(first) is not None and backend.token_to_id(last) is not None:
        backend.post_processor = _template(
            backend, f"{first} $A {last}", f"{first} $A {last} {last} $B {last}", first, last
        )
    return backend


def _unigram(pieces: list[tuple[str, float]], unknown_id: int, character_map: bytes) -> Tokenizer:
    backend = Tokenizer(models.Unigram(pieces, unk_id=unknown_id, byte_fallback=False))
    if character_map:
        backend.normalizer = normalizers.Precompiled(character_map)
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement=_WORD_START, prepend_scheme="always")]
    )
    backend.decoder = decoders.Metaspace(replacement=_WORD_START, prepend_scheme="always")
    return backend


def _template(backend: Tokenizer, single: str, pair: str, *special: str) -> processors.TemplateProcessing:
    ids = [(token, backend.token_to_id(token)) for token in dict.fromkeys(special)]
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=ids)


def _read_text(path: pathlib.Path) -> str:
    return io.TextIOWrapper(io.BytesIO(security.read_bounded(path)), "utf-8").read()


def _read_vocabulary(folder: pathlib.Path) -> dict[str, int]:
    lines = _read_text(folder / "vocab.txt").split("\n")  # not splitlines: U+2028 is a token
    return {token: index for index, token in enumerate(lines[:-1] if lines[-1] == "" else lines)}


def _read_wordpiece(folder: pathlib.Path, settings: Settings) -> Tokenizer:
    return wordpiece(_read_vocabulary(folder), settings)


def _read_merges(folder: pathlib.Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    vocabulary = security.read_json(folder / "vocab.json")
    lines = _read_text(folder / "merges.txt").split("\n")
    if lines[0].startswith("#version"):
        lines = lines[1:]
    merges = [tuple(line.split(" ")) for line in lines if line]
    invalid = next((merge for merge in merges if len(merge) != 2), None)
    if invalid or not isinstance(vocabulary, dict) or not all(type(index) is int for index in vocabulary.values()):
        raise ValueError(f"expected merges of two tokens and a vocabulary of token: id; received {invalid}")
    security.check_ids(vocabulary.values(), folder / "vocab.json")
    return vocabulary, merges


def _read_gpt2(folder: pathlib.Path, settings: Settings) -> Tokenizer:
    return gpt2(*_read_merges(folder), settings)


def _read_roberta(folder: pathlib.Path, settings: Settings) -> Tokenizer:
    return roberta(*_read_merges(folder), settings)


def _read_t5(folder: pathlib.Path, settings: Settings) -> Tokenizer:
    model = sentencepiece_file.read(folder / "spiece.model")
    # T5's sentinel tokens come after the file's own pieces, in reverse order.
    number = int(settings.get("extra_ids", 100))
    if not 0 <= number <= _MOST_SENTINELS:
        raise ValueError(f"extra_ids must be from 0 to {_MOST_SENTINELS}; received: {number}")
    sentinels = [(f"<extra_id_{index}>", 0.0) for index in reversed(range(number))]
    pieces = [(piece.text, piece.score) for piece in model.pieces] + sentinels
    backend = t5(pieces, settings, unknown_id=model.unknown_id, character_map=model.character_map)
    _add_marked(backend, model)
    backend.add_special_tokens([name for name, _ in sentinels])
    return backend


def _read_mt5(folder: pathlib.Path, settings: Settings) -> Tokenizer:
    return _read_t5(folder, {"extra_ids": 0, **settings})


def _read_xlm_roberta(folder: pathlib.Path, settings: Settings) -> Tokenizer:
    model = sentencepiece_file.read(folder / "sentencepiece.bpe.model")
    # Fairseq puts its own four tokens before the file's pieces, whose first three (<unk>, <s>, </s>) are dropped.
    names = [settings[role] for role in ("bos_token", "pad_token", "eos_token", "unk_token")]
    pieces = [(piece.text, piece.score) for piece in model.pieces[3:]]
    pieces = [*((name, 0.0) for name in names), *pieces, (settings["mask_token"], 0.0)]
    backend = xlm_roberta(pieces, settings, unknown_id=3, character_map=model.character_map)
    _add_marked(backend, model)
    return backend


def _read_camembert(folder: pathlib.Path, settings: Settings) -> Tokenizer:
    model = sentencepiece_file.read(folder / "sentencepiece.bpe.model")
    # Fairseq puts four tokens before the file's pieces; its <s> and </s> are unused, the file's own are the real ones.
    first, last, unknown = (settings[role] for role in ("bos_token", "eos_token", "unk_token"))
    names = [f"{first}NOTUSED", settings["pad_token"], f"{last}NOTUSED", unknown, f"{unknown}NOTUSED"]
    pieces = [(piece.text, piece.score) for piece in model.pieces[1:]]
    pieces = [*((name, 0.0) for name in names[:4]), (names[4], -100.0), *pieces, (settings["mask_token"], 0.0)]
    backend = xlm_roberta(pieces, settings, unknown_id=3, character_map=model.character_map)
    _add_marked(backend, model)
    backend.add_special_tokens([names[0], names[2], names[4]])
    return backend


def _add_marked(backend: Tokenizer, model: sentencepiece_file.SentencePieceModel) -> None:
    """Add the user-defined pieces, which SentencePiece never splits."""
    for piece in model.pieces:
        if piece.kind in (sentencepiece_file.CONTROL, sentencepiece_file.USER_DEFINED):
            special = piece.kind == sentencepiece_file.CONTROL
            backend.add_tokens([AddedToken(piece.text, normalized=False, special=special)])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """A tokenizer class of `transformers`.

    Args:
        files: The legacy files.
        read: `(folder, settings)` -> the Rust tokenizer.
        special_tokens: Role -> token.
        segments: Whether the models have segment ids.
    """

    files: tuple[str, ...]
    read: Callable[[pathlib.Path, Settings], Tokenizer]
    special_tokens: Mapping[str, str]
    segments: bool = False


_WORDPIECE = Kind(files=("vocab.txt",), read=_read_wordpiece, special_tokens=BERT_TOKENS, segments=True)

KINDS: dict[str, Kind] = {
    "BertTokenizer": _WORDPIECE,
    "ElectraTokenizer": _WORDPIECE,
    "MobileBertTokenizer": _WORDPIECE,
    "DistilBertTokenizer": dataclasses.replace(_WORDPIECE, segments=False),
    "GPT2Tokenizer": Kind(files=("vocab.json", "merges.txt"), read=_read_gpt2, special_tokens=GPT2_TOKENS),
    "RobertaTokenizer": Kind(files=("vocab.json", "merges.txt"), read=_read_roberta, special_tokens=ROBERTA_TOKENS),
    "T5Tokenizer": Kind(files=("spiece.model",), read=_read_t5, special_tokens=T5_TOKENS),
    "MT5Tokenizer": Kind(files=("spiece.model",), read=_read_mt5, special_tokens=T5_TOKENS),
    "XLMRobertaTokenizer": Kind(
        files=("sentencepiece.bpe.model",), read=_read_xlm_roberta, special_tokens=ROBERTA_TOKENS
    ),
    "CamembertTokenizer": Kind(files=("sentencepiece.bpe.model",), read=_read_camembert, special_tokens=ROBERTA_TOKENS),
}
"""Tokenizer kinds by the class name in `tokenizer_config.json`, without "Fast"."""

BY_MODEL_TYPE = {
    "bert": "BertTokenizer",
    "electra": "ElectraTokenizer",
    "mobilebert": "MobileBertTokenizer",
    "distilbert": "DistilBertTokenizer",
    "gpt2": "GPT2Tokenizer",
    "roberta": "RobertaTokenizer",
    "t5": "T5Tokenizer",
    "mt5": "MT5Tokenizer",
    "xlm-roberta": "XLMRobertaTokenizer",
    "camembert": "CamembertTokenizer",
    "data2vec-text": "RobertaTokenizer",
    "ernie": "BertTokenizer",
}
"""Tokenizer class by the `model_type` of `config.json`."""
