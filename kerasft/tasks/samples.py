"""The texts that exports are tested on, and their encoding."""

from collections.abc import Sequence

from kerasft.encoding.encoded import Batchable, encode
from kerasft.errors import bad_argument
from kerasft.tasks.task import TrainedModel

SAMPLE_TEXTS = (
    "a charming and often affecting journey",
    "unflinchingly bleak and desperate",
    "I still have not received my new card, I ordered over a week ago.",
    "Where is my parcel? It's been 10 days!!! Please answer A.S.A.P.",
    "The quick brown fox jumps over the lazy dog; 1,234.56 dollars (or so) were paid on 2024-02-29.",
    "",
    " ",
    "  leading and trailing space \t\r\n",
    "caf\u00e9 d\u00e9j\u00e0 vu na\u00efve \u00c5ngstr\u00f6m \u0130stanbul stra\u00dfe \u1e9e",
    "cafe\u0301 a\u0300\u0323b\u0323\u0300 combining",
    "\u4e2d\u6587\u5b57\u7b26 and \u65e5\u672c\u8a9e\u30ab\u30bf\u30ab\u30ca \ud55c\uad6d\uc5b4",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u202eright to left\u202c",
    "emoji \U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1e9\U0001f1ea",
    "nul \x00 bell \x07 escape \x1b[0m soft\u00adhyphen zero\u200bwidth \ufeff \ufffd",
    "private \ue000\U000f0000\U0010fffd use",
    "\u00a0no\u2003break\u2028line\u2029paragraph\u0085next\u3000",
    "the strings [CLS] [SEP] [MASK] [PAD] [UNK] in a text, [sep] too, [ SEP ] [SE\x00P]",
    "x" * 99 + " " + "y" * 100 + " " + "z" * 101,
    "\u00e9" * 101 + " " + "e\u0301" * 60,
    "http://example.com/a?b=c&d=%20#e user@example.com #tag @name $5 100% c++ C# a_b-c\u2014d\u2026\u201cq\u201d",
    "\ufb01ligature \u2126 \u212b \u00bd \u2460 \uff21\uff42\uff43 \U0001d400\U0001d41a",
    "word " * 600,
)
"""Built-in sample that every export is tested on, with edge cases: empty, accents, CJK, right-to-left, control characters."""


def sample_texts(bundle: TrainedModel, texts: Sequence | None = None) -> list:
    """Return `texts`, or the built-in sample if None: pairs for a model that takes pairs.

    Raises:
        KerasftError: If `texts` is empty.

    Example:

    >>> from kerasft.bundles import Bundle
    >>> sample_texts(Bundle(None, None, {"pair": False}))[0]
    'a charming and often affecting journey'
    """
    if texts is None:
        return sample_pairs(bundle) if bundle.metadata.get("pair") else list(SAMPLE_TEXTS)
    if not len(texts):
        raise bad_argument("texts", "one or more texts, or None", list(texts), "Omit it to use the built-in sample.")
    return list(texts)


def sample_pairs(bundle: TrainedModel, texts: Sequence | None = None) -> list:
    """Return `texts`, or pairs of the built-in sample if None.

    Raises:
        KerasftError: If `texts` is empty.

    Example:

    >>> len(sample_pairs(None)[0])
    2
    """
    return list(zip(SAMPLE_TEXTS, reversed(SAMPLE_TEXTS))) if texts is None else sample_texts(bundle, texts)


def encode_texts(bundle: TrainedModel, texts: Sequence, max_length: int) -> Batchable:
    """Encode texts, or pairs of texts, with the tokenizer's special tokens.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> from kerasft.bundles import make_bundle
    >>> encode_texts(make_bundle(model, tokenizer, max_length=16), ["a good film"], 16).lengths
    [5]
    """
    return encode(bundle.tokenizer, texts, max_length=max_length)
