"""Normalization of label cells: equal numbers and invisible variants are merged, and lists written as text are parsed."""

import ast
import json
import math
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

import numpy as np

# A number as written in data files. "007" and "1e3" do not match: they may be ids.
_NUMBER = re.compile(r"([+-]?)(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)

# Invisible characters, in addition to Unicode's category Cf: fillers and variation selectors (Unicode property
# Default_Ignorable_Code_Point).
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")

# Joiners and variation selectors change how adjacent characters are drawn (Persian, Hindi, emoji), so names keep them.
# Names that differ in nothing else are still the same label.
_SHAPING = re.compile("[\u200c\u200d\ufe00-\ufe0f]")

# Cyrillic and Greek letters, and the Latin letters that they look like (Unicode TR 39, confusables.txt).
_CONFUSABLE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u03bf\u03b1\u03bd", "aeopcyxijsoav"
)

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_BARE = r"[^\s,;'\"\[\](){}:][^,;'\"\[\](){}]*"
_EMPTY = ("[]", "()", "{}", "set()", "frozenset()", "list()", "tuple()")
_NOTHING = ("None", "null", "nan", "NaN")
# Lists as printed by Python, NumPy, pandas and PyTorch: array(['a'], dtype=object), frozenset({'a'}), tensor([0, 1]).
_CONSTRUCTED = re.compile(
    r"(?:\w+\.)?(?:array|tensor|Index|list|tuple|set|frozenset)\((\[.*\]|\(.*\)|\{.*\})(?:,\s*\w+=[^()]*)*\)", re.DOTALL
)


def is_missing(value: object) -> bool:
    """Whether a cell is missing: None, NaN, `pandas.NA` or `NaT`.

    Example:

    >>> is_missing(None), is_missing(float("nan")), is_missing("")
    (True, True, False)
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating | Decimal) and math.isnan(value)


def label_text(value: object) -> str:
    """Convert a cell to text: numbers by value (1, 1.0 and True are "1"), bytes decoded, "" for missing cells.

    Example:

    >>> label_text(1.0), label_text(True), label_text(b" yes "), label_text(2.50), label_text("1.0")
    ('1', '1', 'yes', '2.5', '1.0')
    """
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value.item()
    if is_missing(value):
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating | Decimal) and math.isfinite(value):
        return label_key(format(Decimal(str(value)), "f"))
    return str(value).strip()


def visible_name(text: str) -> str:
    """Normalize a label name: Unicode NFC, whitespace as single spaces, without invisible characters.

    Example:

    >>> visible_name("very\\u00a0good\\u200b"), visible_name("cafe\\u0301") == "caf\\u00e9"
    ('very good', True)
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    kept = "".join(char for char in text if _SHAPING.match(char) or not _is_invisible(char))
    return unicodedata.normalize("NFC", " ".join(kept.split()))


def label_key(text: str) -> str:
    """Return a key that is the same for all spellings of a label.

    Example:

    >>> label_key("1.0"), label_key("+1"), label_key("1.50"), label_key("007"), label_key("pos\\u200b"), label_key("TRUE")
    ('1', '1', '1.5', '007', 'pos', 'true')
    """
    name = visible_name(text)
    if name.casefold() in ("true", "false"):
        return name.casefold()  # True (pandas), TRUE (Excel) and true (SQL) are the same value
    number = _NUMBER.fullmatch(name)
    if not number:
        return name if name.isascii() else _SHAPING.sub("", name)
    sign, whole, fraction = number.groups()
    fraction = (fraction or "").rstrip("0")
    value = f"{whole}.{fraction}" if fraction else whole
    return f"-{value}" if sign == "-" and value != "0" else value


def is_whole_number(key: str) -> bool:
    """Whether a key is an integer.

    Example:

    >>> is_whole_number("-3"), is_whole_number("1.5"), is_whole_number("007")
    (True, False, False)
    """
    number = _NUMBER.fullmatch(key)
    return number is not None and number[3] is None


def natural_key(name: str) -> tuple:
    """Return a sort key: digits by value, other characters alphabetically; numbers come first.

    Example:

    >>> sorted(["b10", "b2", "10", "9", "-1", "a"], key=natural_key)
    ['-1', '9', '10', 'a', 'b2', 'b10']
    """
    try:
        number = float(name)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return (0, number, name)
    parts = re.split(r"([0-9]+)", name)
    # Compare digits by length first, without `int`, which raises an error for more than 4300 digits.
    digits = [part.lstrip("0") for part in parts]
    return (1, tuple((len(digits[i]), digits[i], part) if i % 2 else (0, part) for i, part in enumerate(parts)), name)


def is_number(name: str) -> bool:
    """Whether a name is a number, in any notation.

    Example:

    >>> is_number("-1"), is_number("007"), is_number("one")
    (True, True, False)
    """
    return natural_key(name)[0] == 0


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Return groups of names that differ only in case, separators, look-alike letters, or number formatting.

    Example:

    >>> look_alikes(["Pos", "pos", "neg", "very good", "very-good", "7", "007"])
    [['Pos', 'pos'], ['very good', 'very-good'], ['7', '007']]
    """
    groups: dict[object, list[str]] = {}
    for name in names:
        groups.setdefault(_rough(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def most_alike(name: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant by `name`, or None.

    Example:

    >>> most_alike("Pos", ["neg", "pos"]), most_alike("0", ["neg", "pos"])
    ('pos', None)
    """
    return next((known for known in names if _rough(known) == _rough(name)), None)


def begins_as_list(text: str) -> bool:
    """Whether a cell looks like a list that was written as text.

    Example:

    >>> begins_as_list("['a', 'b']"), begins_as_list("frozenset({'a'})"), begins_as_list("a, b")
    (True, True, False)
    """
    return text[:1] in ("[", "(", "{") or text in _EMPTY or _CONSTRUCTED.fullmatch(text) is not None


def written_list(text: str) -> list[str] | None:
    """Parse a list that was written as text by Python, JSON or NumPy; return None for other texts.

    Raises:
        ValueError: If it looks like a list but is invalid.

    Example:

    >>> written_list("['a', 'b']"), written_list('["a"]'), written_list("['a' 'b']"), written_list("a (b)")
    (['a', 'b'], ['a'], ['a', 'b'], None)
    """
    text = text.strip()
    if constructed := _CONSTRUCTED.fullmatch(text):
        text = constructed[1]
    if text in _EMPTY:
        return []
    if len(text) < 2 or text[0] + text[-1] not in ("[]", "()", "{}"):
        return None
    inner = text[1:-1].strip()
    if text[0] != "[" and not re.match(_QUOTED, inner):
        return None  # a name in parentheses
    quoted = re.fullmatch(rf"(?:{_QUOTED})(?:(?:\s*,\s*|\s+)(?:{_QUOTED}))*\s*,?", inner)
    if quoted:
        return [_unquoted(item) for item in re.findall(_QUOTED, inner)]
    if not re.fullmatch(rf"(?:(?:(?:{_QUOTED})\s*|{_BARE})(?:[,;]\s*|$))+", inner):
        raise ValueError(text)
    items = [item.strip() for item in re.findall(rf"{_QUOTED}|{_BARE}", inner)]
    if "..." in items:  # truncated by NumPy or pandas
        raise ValueError(text)
    if len(items) == 1 and all(_NUMBER.fullmatch(part.rstrip(".")) for part in items[0].split()):
        items = [part.rstrip(".") for part in items[0].split()]  # NumPy writes [0 1 0] and [0. 1. 0.]
    return [_unquoted(item) for item in items if item not in _NOTHING]


def _is_invisible(char: str) -> bool:
    category = unicodedata.category(char)
    return category == "Cf" or (category == "Cc" and not char.isspace()) or _INVISIBLE.match(char) is not None


def _unquoted(item: str) -> str:
    if item[0] not in "'\"":
        return item
    try:
        return json.loads(item) if item[0] == '"' else ast.literal_eval(item)
    except (ValueError, SyntaxError):
        return item[1:-1]


def _rough(name: str) -> object:
    """Return a key that is the same for names that look similar."""
    text = unicodedata.normalize("NFKC", label_key(name)).casefold().translate(_CONFUSABLE)
    if is_number(text):
        return float(text)
    text = text.strip(" '\"`.,;:\u2018\u2019\u201c\u201d")
    return re.sub(r"(?<=\w)[\s_-]+(?=\w)", "", text) or name
