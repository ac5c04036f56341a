"""Train a new tokenizer on texts, for languages and domains without a pretrained one."""

import collections
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator

from tokenizers import Tokenizer, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from kerasft.errors import bad_argument, bad_data
from kerasft.features import is_unicode
from kerasft.files import local_path
from kerasft.tokenizers import kinds
from kerasft.tokenizers.load import wrapped

FAMILIES = {
    "wordpiece": ("bert", "electra", "mobilebert", "distilbert"),
    "bpe": ("gpt2", "roberta"),
    "unigram": ("t5", "xlm-roberta"),
}
"""Kind -> families whose special tokens it supports; the first is the default."""
_MOST_CHARACTERS = 1000
"""Maximum alphabet size of a WordPiece vocabulary; rarer characters are unknown, as in BERT's trainer."""


def train(
    source: str | os.PathLike | Iterable[str | os.PathLike],
    kind: str = "wordpiece",
    *,
    vocabulary_size: int = 4000,
    family: str | None = None,
    lowercase: bool = False,
    min_frequency: int = 2,
    max_length: int = 512,
) -> PreTrainedTokenizerFast:
    """Train a tokenizer on texts. The result is deterministic.

    Args:
        source: Path of a UTF-8 text file with one text per line; or texts, and `pathlib.Path`s of such files.
        kind: `"wordpiece"` (https://arxiv.org/abs/1609.08144; only unseen characters are unknown), `"bpe"`
            (byte-level, https://arxiv.org/abs/1508.07909; nothing is ever unknown) or `"unigram"`
            (SentencePiece's, https://arxiv.org/abs/1804.10959).
        vocabulary_size: Maximum number of tokens, including special ones; few texts give fewer.
        family: Family whose special tokens are used: `"bert"`, `"electra"`, `"mobilebert"` or `"distilbert"` for WordPiece;
            `"gpt2"` or `"roberta"` for BPE; `"t5"` (without sentinels; `add_tokens` adds them) or `"xlm-roberta"` for
            Unigram. None: the first of each.
        lowercase: Whether to lowercase texts; WordPiece only.
        min_frequency: Minimum number of occurrences of a pair to be merged; ignored for Unigram.
        max_length: The tokenizer's `model_max_length`.

    Returns:
        A tokenizer for `kerasft.tokenizers.save`. Without a padding token, it pads with its end-of-text token.

    Raises:
        KerasftError: If an argument is invalid, or there are no texts.
        DataError: If a text is not valid Unicode.

    Example:

    >>> tokenizer = train(["a good film", "a bad film", "good films"] * 3, vocabulary_size=60, lowercase=True)
    >>> tokenizer.tokenize("A GOOD film")
    ['a', 'good', 'film']
    """
    families = FAMILIES.get(kind)
    if families is None:
        raise bad_argument("kind", f"one of {', '.join(map(repr, FAMILIES))}", kind, "BERT uses WordPiece.")
    family = family or families[0]
    if family not in families:
        raise bad_argument("family", f"one of {families} for kind={kind!r}", family, "Change one of the two.")
    if lowercase and kind != "wordpiece":
        raise bad_argument("lowercase", f"False for kind={kind!r}", lowercase, "Lowercase the texts yourself.")
    texts = list(_texts(source))
    if not any(text.strip() for text in texts):
        raise bad_argument("texts", "one or more non-empty texts", texts[:3], "Give the training texts.")
    form = kinds.KINDS[kinds.BY_MODEL_TYPE[family]]
    settings = {**form.special_tokens, "model_max_length": max_length}
    if kind == "wordpiece":
        settings["do_lower_case"] = lowercase
    backend = _LEARNERS[kind](texts, settings, family, vocabulary_size, min_frequency)
    return wrapped(backend, form, settings)


def _texts(source: str | os.PathLike | Iterable[str | os.PathLike]) -> Iterator[str]:
    for number, item in enumerate([local_path(source)] if isinstance(source, str | os.PathLike) else source, 1):
        if isinstance(item, os.PathLike):
            yield from _lines(local_path(item))
        elif not isinstance(item, str) or not is_unicode(item):
            raise bad_data("texts", "expected a valid Unicode string", "Give strings only.", line=number, value=item)
        else:
            yield item


def _lines(path: pathlib.Path) -> Iterator[str]:
    try:
        yield from path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise bad_data(str(path), f"not readable as a UTF-8 text file ({error})", "Give another file.") from error


def _wordpiece(texts: list[str], settings: dict, family: str, vocabulary_size: int, min_frequency: int) -> Tokenizer:
    names = [settings[role] for role in ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")]
    learner = kinds.wordpiece({settings["unk_token"]: 0}, settings)
    alphabet, inner = _word_characters(learner, texts)
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        # The library numbers characters in the random order of a hash map, and breaks ties by these numbers. Listed here,
        # they are numbered in order.
        special_tokens=[*names, *alphabet, *(f"##{character}" for character in inner)],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    return kinds.wordpiece(learner.get_vocab(), settings)


def _word_characters(learner: Tokenizer, texts: list[str]) -> tuple[list[str], list[str]]:
    """Return the most frequent characters, sorted, and those of them that occur inside words."""
    counts = collections.Counter()
    inner = set()
    for text in texts:
        for word, _ in learner.pre_tokenizer.pre_tokenize_str(learner.normalizer.normalize_str(text)):
            counts.update(word)
            inner.update(word[1:])
    alphabet = sorted(sorted(counts), key=lambda character: -counts[character])[:_MOST_CHARACTERS]
    return sorted(alphabet), sorted(inner.intersection(alphabet))


def _bpe(texts: list[str], settings: dict, family: str, vocabulary_size: int, min_frequency: int) -> Tokenizer:
    build = {"gpt2": kinds.gpt2, "roberta": kinds.roberta}[family]
    # RoBERTa's order, except that <mask>, which is last in the published vocabularies, is next to the others.
    roles = ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token")
    names = list(dict.fromkeys(settings[role] for role in roles if role in settings))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    _check_room(vocabulary_size, len(names) + len(alphabet), "256 bytes and the special tokens")
    learner = build({}, [], settings)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        initial_alphabet=alphabet,
        special_tokens=names,
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    return _rebuilt(learner, lambda model: build(model["vocab"], [tuple(merge) for merge in model["merges"]], settings))


def _unigram(texts: list[str], settings: dict, family: str, vocabulary_size: int, min_frequency: int) -> Tokenizer:
    build = {"t5": kinds.t5, "xlm-roberta": kinds.xlm_roberta}[family]
    roles = {"t5": ("pad_token", "eos_token", "unk_token"), "xlm-roberta": ("bos_token", "pad_token", "eos_token")}
    names = [settings[role] for role in roles[family]] + ([] if family == "t5" else ["<unk>", "<mask>"])
    # SentencePiece's own normalizer is NFKC with a few additional rules (https://arxiv.org/abs/1808.06226).
    normalizer = normalizers.NFKC()
    characters = set("".join(map(normalizer.normalize_str, texts)).replace(" ", ""))
    _check_room(vocabulary_size, len(names) + 1 + len(characters), "the texts' characters and the special tokens")
    learner = build([("<unk>", 0.0)], settings, unknown_id=0)
    learner.normalizer = normalizer
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary_size, special_tokens=names, unk_token="<unk>", show_progress=False
    )
    learner.train_from_iterator(texts, trainer)

    def build_trained(model: dict) -> Tokenizer:
        pieces = [tuple(piece) for piece in model["vocab"]]
        special = pieces[: len(names)]
        learned = pieces[len(names) :]
        backend = build(special + _ordered(learned), settings, unknown_id=names.index("<unk>"))
        backend.normalizer = normalizer
        return backend

    return _rebuilt(learner, build_trained)


def _ordered(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Undo the random order of the library's hash maps, so that the same texts give the same pieces and scores."""
    pieces = [(token, round(score, 6)) for token, score in pieces]  # sums differ in their last digits
    # Characters dropped in training are added again with the lowest score plus 0.0001 each, in random order.
    lowest = min(score for _, score in pieces)
    restored = {
        token: score
        for token, score in pieces
        if len(token) == 1 and abs((score - lowest) / 1e-4 - round((score - lowest) / 1e-4)) < 0.03
    }
    scores = dict(pieces) | dict(zip(sorted(restored), sorted(restored.values())))
    return sorted(scores.items(), key=lambda piece: (-piece[1], piece[0]))


_LEARNERS = {"wordpiece": _wordpiece, "bpe": _bpe, "unigram": _unigram}


def _rebuilt(learner: Tokenizer, build: Callable[[dict], Tokenizer]) -> Tokenizer:
    """Build the tokenizer from the trained pieces; only now are the ids of the special tokens known."""
    return build(json.loads(learner.to_str())["model"])


def _check_room(vocabulary_size: int, least: int, what: str) -> None:
    if vocabulary_size < least:
        raise bad_argument(
            "vocabulary_size", f"at least {least} ({what})", vocabulary_size, f"Use {2 * least} or more."
        )
