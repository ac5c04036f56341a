"""Write the tables of `Unicode.kt` again, from what the installed `tokenizers` does to every code point.

    python -m tests.mobile.kotlin_tables kerasft/mobile/android/app/src/main/kotlin/org/kerasft/core/UnicodeTables.kt

The classes of characters change with the Unicode version. The `tokenizers` library has its own version of them, and each
Android has another; so the Kotlin tokenizers carry the library's. This takes about a minute.
"""

import pathlib
import sys
from collections.abc import Callable, Iterable

from tokenizers import normalizers, pre_tokenizers

CODE_POINTS = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
_ABOUT = {
    "CONTROL": "BERT's normaliser drops them: U+0000, U+FFFD, and the categories Cc, Cf and Co.",
    "MARK": "Nonspacing marks (Mn): what BERT's normaliser takes away after NFD.",
    "PUNCTUATION": "Each is a word of its own to BERT: all ASCII ones that are no letter or digit, and the categories P*.",
    "LETTER": "`\\\\p{L}` of GPT-2's pattern.".replace("\\\\", "\\"),
    "NUMBER": "`\\\\p{N}` of GPT-2's pattern.".replace("\\\\", "\\"),
}
_HEAD = """package org.kerasft.core

// Made by tests/mobile/kotlin_tables.py of kerasft: the Unicode tables of Hugging Face's `tokenizers`. Those of the phone are
// older or newer, depending on its Android. Ranges are in base 36: how far behind the one before, and how many code points.
"""


def main(path: str) -> None:
    """Write the Kotlin file."""
    lower = _lower_case()
    parts = [_HEAD]
    for name, codes in _classes().items():
        packed = _packed(_ranges(codes))
        parts.append(f"\n/** {_ABOUT[name]} */\ninternal val {name} = CodePoints(\n{_literal(packed)}\n)\n")
    parts.append(
        "\n/** Lower case: first code point behind the last run's first, how many, how far apart, what is added. */\n"
        f"internal val LOWER_CASE = CaseMap(\n{_literal(lower)}\n)\n"
    )
    pathlib.Path(path).write_text("".join(parts), "utf-8")


def _classes() -> dict[str, list[int]]:
    clean = normalizers.BertNormalizer(True, False, False, False).normalize_str
    strip = normalizers.BertNormalizer(False, False, True, False).normalize_str
    bert = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
    return {
        "CONTROL": _where(lambda c: clean(f"a{c}b") == "ab"),
        "MARK": _where(lambda c: strip(f"a{c}b") == "ab"),
        "PUNCTUATION": _where(lambda c: [word for word, _ in bert(f"a{c}b")] == ["a", c, "b"]),
        "LETTER": _where(lambda c: len(gpt2(f"a{c}b")) == 1),
        "NUMBER": _where(lambda c: len(gpt2(f"1{c}1")) == 1),
    }


def _where(holds: Callable[[str], bool]) -> list[int]:
    return [code for code in CODE_POINTS if holds(chr(code))]


def _ranges(codes: Iterable[int]) -> list[tuple[int, int]]:
    ranges = []  # (first, how many)
    for code in codes:
        if ranges and sum(ranges[-1]) == code:
            ranges[-1] = (ranges[-1][0], ranges[-1][1] + 1)
        else:
            ranges.append((code, 1))
    return ranges


def _packed(ranges: list[tuple[int, int]]) -> list[str]:
    packed, end = [], 0
    for first, count in ranges:
        packed.append(f"{_base36(first - end)} {_base36(count)}")
        end = first + count
    return packed


def _lower_case() -> list[str]:
    lower = normalizers.BertNormalizer(False, False, False, True).normalize_str
    runs = []  # [first, how many, how far apart, what is added]
    for code in CODE_POINTS:
        text = lower(chr(code))
        if len(text) != 1 or text == chr(code):
            continue  # of more than one only U+0130: see WordPieceTokenizer.kt
        added, last = ord(text) - code, runs[-1] if runs else None
        if last and last[3] == added and last[1] == 1 and code - last[0] <= 2:
            last[1:3] = [2, code - last[0]]
        elif last and last[3] == added and last[1] > 1 and code == last[0] + last[1] * last[2]:
            last[1] += 1
        else:
            runs.append([code, 1, 1, added])
    packed, before = [], 0
    for first, *rest in runs:
        packed.append(" ".join(_base36(number) for number in (first - before, *rest)))
        before = first
    return packed


def _base36(number: int) -> str:
    digits, rest = "", abs(number)
    while rest or not digits:
        rest, digit = divmod(rest, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return f"-{digits}" if number < 0 else digits


def _literal(words: list[str]) -> str:
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) > 105:
            lines.append(line)
            line = ""
        line += word + " "
    lines.append(line.rstrip())
    return " +\n".join(f'    "{line}"' for line in lines)


if __name__ == "__main__":
    main(sys.argv[1])
