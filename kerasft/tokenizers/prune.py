"""Drop tokens from a tokenizer's vocabulary and renumber the rest, without changing the tokenization of texts without them.

Why this holds for each model:

- WordPiece uses the longest matching token; dropping tokens adds no longer match.
- BPE merges the pair with the lowest rank. All merges that lead to a kept token are kept, with both tokens, so the same pair
  has the lowest rank at each step.
- Unigram uses the most likely segmentation, which remains the most likely one among fewer. The score of unknown characters
  depends on the lowest score, so that token is kept.
"""

import json
import pathlib
import re
import tempfile
from collections.abc import Iterable, Mapping

from transformers import PreTrainedTokenizerFast

from kerasft.errors import bad_argument
from kerasft.tokenizers.load import load, save

_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")
_CONTINUED = "##"


def prune(tokenizer: PreTrainedTokenizerFast, needed: Iterable[str]) -> tuple[PreTrainedTokenizerFast, list[int]]:
    """Return a tokenizer with the needed tokens, and the old id of each of its tokens.

    Besides the needed tokens, these are kept: special and added tokens; all single characters or bytes; tokens with a character
    that has no token of its own; and intermediate tokens. So texts without unknown tokens stay without: dropped tokens are
    replaced by shorter ones.

    Args:
        tokenizer: WordPiece, BPE or Unigram; it is not changed.
        needed: Tokens, as returned by `tokenizer.convert_ids_to_tokens`.

    Returns:
        `(tokenizer, old_ids)`: `old_ids[new_id]` is the previous id of a token. The order of ids is kept.

    Raises:
        KerasftError: If the tokenizer type is not supported, or a needed token is not in its vocabulary.

    Example:

    >>> from kerasft.tokenizers import train
    >>> old = train(["a good film", "a bad film"] * 5, vocabulary_size=80)
    >>> new, old_ids = prune(old, ["good"])
    >>> new.tokenize("good film"), len(new) < len(old)
    (['good', 'f', '##i', '##l', '##m'], True)
    """
    fields = json.loads(tokenizer.backend_tokenizer.to_str())
    model = fields["model"]
    close = _CLOSURES.get(model["type"])
    if close is None:
        raise bad_argument("tokenizer", f"one of {', '.join(_CLOSURES)}", model["type"], "Keep its vocabulary whole.")
    ids = tokenizer.get_vocab()
    needed = set(needed)
    unknown = sorted(needed - ids.keys())
    if unknown:
        raise bad_argument("keep", "tokens of the vocabulary", unknown[:5], "See tokenizer.get_vocab().")
    always = {token["content"] for token in fields["added_tokens"]} | set(tokenizer.all_special_tokens)
    kept = needed | (always & ids.keys())
    kept |= close(model, kept)
    old_ids = sorted(ids[token] for token in kept)
    _renumber(fields, {old: new for new, old in enumerate(old_ids)}, kept)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        save(tokenizer, folder)
        (folder / "tokenizer.json").write_text(json.dumps(fields, ensure_ascii=False), "utf-8")
        return load(folder), old_ids


def _wordpiece_closure(model: dict, kept: set[str]) -> set[str]:
    prefix = model.get("continuing_subword_prefix") or _CONTINUED

    def spelling(token: str) -> list[str]:
        """The token as a sequence of single-character tokens."""
        is_suffix = token.startswith(prefix) and len(token) > len(prefix)
        characters = token.removeprefix(prefix) if is_suffix else token
        return [prefix + c if is_suffix or index else c for index, c in enumerate(characters)]

    vocabulary = model["vocab"]
    return {model["unk_token"]} & vocabulary.keys() | {
        token
        for token in vocabulary
        if len(spelling(token)) == 1 or not all(character in vocabulary for character in spelling(token))
    }


def _bpe_closure(model: dict, kept: set[str]) -> set[str]:
    merges = {}
    suffix = len(model.get("continuing_subword_prefix") or "")
    for first, second in map(_pair, model["merges"]):
        merges.setdefault(first + second[suffix:], []).append((first, second))
    closed = {
        token for token in model["vocab"] if token not in merges
    }  # bytes or characters: not the result of a merge
    stack = list(kept)
    while stack:
        token = stack.pop()
        if token not in closed and token in model["vocab"]:
            closed.add(token)
            stack.extend(each for merge in merges[token] for each in merge)
    return closed


def _unigram_closure(model: dict, kept: set[str]) -> set[str]:
    scores = dict(map(tuple, model["vocab"]))
    single = {token for token in scores if len(token) == 1}
    rare = {token for token in scores if not set(token) <= single or _BYTE.fullmatch(token)}
    lowest = min(scores, key=scores.get)
    return single | rare | {lowest, model["vocab"][model["unk_id"] or 0][0]}


_CLOSURES = {"WordPiece": _wordpiece_closure, "BPE": _bpe_closure, "Unigram": _unigram_closure}


def _pair(merge: str | list[str]) -> tuple[str, str]:
    return tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge)


def _renumber(fields: dict, new_ids: Mapping[int, int], kept: set[str]) -> None:
    """Rewrite the content of a `tokenizer.json` in place."""
    model = fields["model"]
    if model["type"] == "Unigram":
        model["unk_id"] = None if model["unk_id"] is None else new_ids[model["unk_id"]]
        model["vocab"] = [piece for piece in model["vocab"] if piece[0] in kept]
    else:
        model["vocab"] = {token: new_ids[index] for token, index in model["vocab"].items() if token in kept}
    if model["type"] == "BPE":
        suffix = len(model.get("continuing_subword_prefix") or "")
        merges = [(_pair(merge), merge) for merge in model["merges"]]
        model["merges"] = [merge for (a, b), merge in merges if a in kept and b in kept and a + b[suffix:] in kept]
    for token in fields["added_tokens"]:
        token["id"] = new_ids[token["id"]]
    if fields.get("padding"):
        fields["padding"]["pad_id"] = new_ids[fields["padding"]["pad_id"]]
    for processor in _processors(fields.get("post_processor")):
        for token in processor.get("special_tokens", {}).values():
            token["ids"] = [new_ids[index] for index in token["ids"]]
        for role in ("cls", "sep"):  # in BertProcessing and RobertaProcessing
            if role in processor:
                processor[role] = [processor[role][0], new_ids[processor[role][1]]]


def _processors(processor: dict | None) -> list[dict]:
    if processor is None:
        return []
    return [inner for each in processor.get("processors", []) for inner in _processors(each)] + [processor]
