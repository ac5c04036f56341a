"""Load and save a checkpoint's fast tokenizer, from its files only: no network access, no code from the checkpoint."""

import json
import os
import pathlib
import tempfile

from tokenizers import AddedToken, Tokenizer, normalizers
from transformers import PreTrainedTokenizerFast

from kerasft import security
from kerasft.errors import CheckpointError
from kerasft.files import local_path
from kerasft.tokenizers import kinds
from kerasft.tokenizers.thread_safe import thread_safe

FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja"),
    *("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model"),
)
"""Possible names of tokenizer files; saving a tokenizer replaces them."""
_TOKENIZER_FILE = "tokenizer.json"
_SETTINGS_FILE = "tokenizer_config.json"
_ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
# Supported fields of tokenizer_config.json. All others are ignored, in particular file names (`vocab_file`,
# `tokenizer_file`) and code (`auto_map`).
_SETTINGS = (
    *_ROLES,
    "additional_special_tokens",
    "extra_special_tokens",
    "model_max_length",
    "model_input_names",
    "padding_side",
    "truncation_side",
    "clean_up_tokenization_spaces",
    "do_lower_case",
    "strip_accents",
    "tokenize_chinese_chars",
    "add_prefix_space",
    "add_bos_token",
    "trim_offsets",
    "extra_ids",
)
# Already applied in the Rust tokenizer; transformers would apply them again.
_BACKEND_SETTINGS = ("add_bos_token", "trim_offsets")
_PROBE = "A b\u00e9\u4e2d\U0001f600\u0378"  # the last one is an unassigned code point, which no vocabulary contains
_FILES = sorted({" and ".join(kind.files) for kind in kinds.KINDS.values()})


def load(folder: str | os.PathLike) -> PreTrainedTokenizerFast:
    """Load the fast (Rust) tokenizer of a Hugging Face folder, from its files only.

    `tokenizer.json` is complete; without it, the tokenizer is built from the legacy files according to its class. The class
    is the `tokenizer_class` of `tokenizer_config.json`, otherwise that of the `model_type` of `config.json`, otherwise it is
    inferred from the files. A tokenizer without a padding token (GPT-2) pads with its end-of-text token; `padding_mask`
    distinguishes the two.

    Args:
        folder: Contains `tokenizer.json`; or `vocab.txt` (WordPiece: BERT, DistilBERT, ELECTRA); or `vocab.json` and
            `merges.txt` (byte-level BPE: GPT-2, RoBERTa); or `spiece.model` or `sentencepiece.bpe.model` (Unigram: T5,
            XLM-RoBERTa). `tokenizer_config.json` is used (`do_lower_case`, `strip_accents`,
            `tokenize_chinese_chars`, `add_prefix_space`, `extra_ids`, special tokens, `model_max_length`, ...), except
            for file names and code in it.

    Returns:
        The tokenizer, with exact ids and character offsets, without PyTorch. Offsets cover the complete characters of a
        token's bytes; GPT-2's include the space before a word, the others' do not. It is thread-safe.

    Raises:
        CheckpointError: If the folder or the files are missing, or a file is corrupted.

    Example:

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "vocab.txt").write_text("[PAD] [UNK] [CLS] [SEP] [MASK] good film ##s".replace(" ", chr(10)))
    >>> load(folder)("Good films")["input_ids"]
    [2, 5, 6, 7, 3]
    """
    folder = local_path(folder)
    settings = _settings(folder)
    name = _class_name(folder)
    kind = kinds.KINDS.get(name)
    from_file = (folder / _TOKENIZER_FILE).is_file()
    if from_file:
        path = folder / _TOKENIZER_FILE
        security.check_tokenizer(security.read_json(path), path)
    try:
        if from_file:
            backend = _adjusted(Tokenizer.from_file(str(folder / _TOKENIZER_FILE)), settings)
        else:
            settings = {**_default_tokens(kind, folder), **settings}
            backend = kind.read(folder, settings)
            _add_tokens(backend, folder)
        tokenizer = wrapped(backend, kind, settings)
        tokenizer(_PROBE, _PROBE)  # raises here rather than at the first use
    except CheckpointError:
        raise
    except BaseException as error:  # corrupted files raise errors of many types; a Rust panic is not an `Exception`
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{folder}: the tokenizer's files cannot be read ({type(error).__name__}: {reason}). "
            "Copy them again, or create tokenizer.json with the library that wrote them."
        ) from error
    if not from_file:
        _check_special_tokens(tokenizer, folder / kind.files[0], settings)
    return tokenizer


def _read_json(path: pathlib.Path) -> dict:
    if not path.is_file():
        return {}
    fields = security.read_json(path)
    if not isinstance(fields, dict):
        raise CheckpointError(
            f"{path}: must contain a JSON object; received: {type(fields).__name__}. Copy the file again."
        )
    return fields


def _settings(folder: pathlib.Path) -> dict:
    fields = {**_read_json(folder / "special_tokens_map.json"), **_read_json(folder / _SETTINGS_FILE)}
    settings = {name: fields[name] for name in _SETTINGS if name in fields}
    for role in _ROLES:
        token = settings.get(role)
        if isinstance(token, dict):  # an added token with its flags
            settings[role] = token.get("content")
        if settings.get(role) is None:
            settings.pop(role, None)
        elif not isinstance(settings[role], str):
            raise CheckpointError(
                f"{folder / _SETTINGS_FILE}: {role!r} must be a string; received: {settings[role]!r}. Copy the file again."
            )
    return {name: value for name, value in settings.items() if value is not None or name == "strip_accents"}


def _class_name(folder: pathlib.Path) -> str | None:
    """Return the name in `kinds.KINDS` of a folder's tokenizer class; None if unknown."""
    named = str(_read_json(folder / _SETTINGS_FILE).get("tokenizer_class", "")).removesuffix("Fast")
    if named in kinds.KINDS:
        # transformers writes T5Tokenizer for mT5 too, always with `extra_ids`.
        return named
    by_model = kinds.BY_MODEL_TYPE.get(str(_read_json(folder / "config.json").get("model_type", "")))
    if by_model:
        return by_model
    candidates = [name for name, kind in kinds.KINDS.items() if all((folder / file).is_file() for file in kind.files)]
    if "RobertaTokenizer" in candidates and "GPT2Tokenizer" in candidates:
        return "RobertaTokenizer" if "<mask>" in _read_json(folder / "vocab.json") else "GPT2Tokenizer"
    return candidates[0] if candidates else None


def _default_tokens(kind: kinds.Kind | None, folder: pathlib.Path) -> dict:
    """Return the default special tokens of a tokenizer class; raise if its files are missing."""
    missing = [name for name in (kind.files if kind else ()) if not (folder / name).is_file()]
    if kind is None or missing:
        expected = " and ".join(kind.files) if kind else f"{', or '.join(_FILES)}"
        raise CheckpointError(
            f"{folder}: no tokenizer found; expected {_TOKENIZER_FILE} or {expected}. "
            "Copy the tokenizer files of the same checkpoint into this folder."
        )
    return dict(kind.special_tokens)


def _adjusted(backend: Tokenizer, settings: dict) -> Tokenizer:
    # As in transformers, explicit settings override tokenizer.json.
    explicit = {"do_lower_case", "strip_accents", "tokenize_chinese_chars"} & settings.keys()
    if explicit and isinstance(backend.normalizer, normalizers.BertNormalizer):
        old = backend.normalizer
        defaults = {
            "do_lower_case": old.lowercase,
            "strip_accents": old.strip_accents,
            "tokenize_chinese_chars": old.handle_chinese_chars,
        }
        new = kinds.bert_normalizer({**defaults, **settings})
        new.clean_text = old.clean_text
        backend.normalizer = new
    return backend


def _add_tokens(backend: Tokenizer, folder: pathlib.Path) -> None:
    """Add the checkpoint's added tokens, in the order of their ids."""
    added = {token: {"id": index} for token, index in _read_json(folder / "added_tokens.json").items()}
    for index, token in _read_json(folder / _SETTINGS_FILE).get("added_tokens_decoder", {}).items():
        added[token["content"]] = {**token, "id": int(index)}
    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    for token, fields in sorted(added.items(), key=lambda item: item[1]["id"]):
        backend.add_tokens([AddedToken(token, **{flag: fields[flag] for flag in flags if flag in fields})])
        if backend.token_to_id(token) != fields["id"]:
            raise CheckpointError(
                f"{folder}: the added token {token!r} must have id {fields['id']}; received: "
                f"{backend.token_to_id(token)}. The vocabulary and {_SETTINGS_FILE} belong to different checkpoints."
            )


def wrapped(backend: Tokenizer, kind: kinds.Kind | None, settings: dict) -> PreTrainedTokenizerFast:
    """Wrap the Rust tokenizer in the interface that kerasft uses.

    Args:
        backend: The Rust tokenizer.
        kind: Determines the model's inputs, and how the mask token is matched; None: from `settings`.
        settings: Special tokens and other fields of `tokenizer_config.json`.
    """
    options = {name: value for name, value in settings.items() if name not in _BACKEND_SETTINGS}
    if kind:
        names = ["input_ids", "token_type_ids", "attention_mask"] if kind.segments else ["input_ids", "attention_mask"]
        options.setdefault("model_input_names", names)
        if kind.special_tokens is kinds.ROBERTA_TOKENS and isinstance(options.get("mask_token"), str):
            # The mask token includes the space before it: "a <mask>" is two tokens.
            options["mask_token"] = AddedToken(options["mask_token"], lstrip=True, normalized=False, special=True)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **options)
    if tokenizer.pad_token is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token
    return thread_safe(tokenizer)


def _check_special_tokens(tokenizer: PreTrainedTokenizerFast, path: pathlib.Path, settings: dict) -> None:
    # transformers appends tokens missing in the vocabulary, with ids beyond the weights.
    vocabulary = tokenizer.backend_tokenizer.get_vocab(with_added_tokens=False)
    added = _read_json(path.parent / "added_tokens.json") | _read_json(path.parent / _SETTINGS_FILE).get(
        "added_tokens_decoder", {}
    )
    known = set(vocabulary) | {token["content"] if isinstance(token, dict) else token for token in added.values()}
    missing = sorted({settings[role] for role in _ROLES if role in settings} - known)
    if missing:
        raise CheckpointError(
            f"{path}: must contain the special tokens, one token per line; missing: {', '.join(missing)}. "
            "Copy the file again, or name the special tokens in tokenizer_config.json."
        )


def save(tokenizer: PreTrainedTokenizerFast, folder: str | os.PathLike) -> None:
    """Save the tokenizer's files to `folder`, which is created if missing; `load` reads them.

    Args:
        tokenizer: A tokenizer returned by `load`.
        folder: The output folder.

    Example:

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "vocab.txt").write_text("[PAD] [UNK] [CLS] [SEP] [MASK] good".replace(" ", chr(10)))
    >>> save(load(folder), folder / "copy")
    >>> load(folder / "copy").tokenize("GOOD")
    ['good']
    """
    folder = local_path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(str(folder))
    # The generic class uses tokenizer.json unchanged; a family's class would rebuild its own parts.
    path = folder / _SETTINGS_FILE
    settings = {**_read_json(path), "tokenizer_class": "PreTrainedTokenizerFast"}
    path.write_text(json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


def copied(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Return an independent copy of a tokenizer."""
    with tempfile.TemporaryDirectory() as folder:
        save(tokenizer, folder)
        return load(folder)
