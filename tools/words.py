"""Check that prose uses the field's terms: print each word of a list with its place and the term to write instead.

    python tools/words.py kerasft docs README.md

Reads .py and .md files (in folders: all of them). Exit code 1 if a word was found. To exempt a line, end it with `words: ok`.
"""

import pathlib
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

_THING = (
    "text|tag|span|list|number|string|dictionary|file|folder|label|name|word|index|JSON|object|model|class|bundle|regression|"
    "probability|column|tensor"
)
TERMS = {
    r"mend(s|ed|ing)?": "fix",
    r"anew": "again, from scratch",
    r"lest": "so that ... not",
    r"foretold|foretell(s|ing)?": "predict",
    r"many-hot": "multi-hot",
    rf"(?<!there )(is|are) no ({_THING})s?": "is not a ..., expected a ...",
    r"stands? (twice|nowhere|in its|in the|at the|beside|where)": "occurs, is, duplicate",
    r"nowhere": "does not occur",
    r"surest|surer|less sure": "most confident, sharper, flatter",
    r"likeliest": "most likely",
    r"commonest": "most frequent",
    r"chances": "probabilities",
    r"(answered )?rightly": "correct",
    r"one answer a": "one answer per",
    r"(one|a text|an object|an entry) a line": "one per line",
    r"goes on|go on": "continues",
    r"by and by": "in chunks",
    r"in the place of": "in place of, instead of",
    r"half of a surrogate pair": "lone surrogate",
    r"there is no such (file|folder)": "the file does not exist",
    r"one column stands for two things": "column assigned to two roles",
    r"broadcasts without a word": "broadcasts silently",
    r"costs points": "lowers accuracy",
    r"one and the same": "the same",
    r"learnt": "learned",
    r"(?-i:labell|modell)(ed|ing)": "labeled, modeling",
    r"\w*(normal|quant|token|initial|minim|recogn|summar)is(e|ed|es|er|ers|ing|ation)": "spelling with z",
}
_PATTERN = re.compile("|".join(rf"(?P<t{number}>\b({words})\b)" for number, words in enumerate(TERMS)), re.IGNORECASE)
_SUGGESTIONS = list(TERMS.values())
_EXEMPT = "words: ok"
_ENDINGS = (".py", ".md")


class Found(NamedTuple):
    """A word of the list in a file."""

    path: str
    line: int
    word: str
    suggestion: str


def find(text: str, path: str) -> Iterator[Found]:
    """Yield the words of the list in a text, in order.

    Example:

    >>> [tuple(found) for found in find("Train it anew.", "a.md")]
    [('a.md', 1, 'anew', 'again, from scratch')]
    """
    for number, line in enumerate(text.splitlines(), 1):
        if line.rstrip().endswith(_EXEMPT):
            continue
        for match in _PATTERN.finditer(line):
            if _is_prose(line, match):
                yield Found(path, number, match[0], _SUGGESTIONS[int(match.lastgroup[1:])])


def _is_prose(line: str, match: re.Match) -> bool:
    """Whether a match is not a part of a module's or attribute's name, such as `kerasft.cli.labelled`."""
    before, after = line[: match.start()], line[match.end() :]
    return not (re.search(r"[./_]$", before) or re.match(r"_|\.(py|md)\b| import\b", after))


def main(paths: list[str]) -> int:
    """Print what was found below these paths; return 1 if anything was.

    Example:

    >>> main([])
    0
    """
    files = []
    for path in map(pathlib.Path, paths):
        files += sorted(path.rglob("*")) if path.is_dir() else [path]
    count = 0
    for file in files:
        if file.suffix not in _ENDINGS:
            continue
        for found in find(file.read_text("utf-8"), str(file)):
            print(f"{found.path}:{found.line}: {found.word!r}: write {found.suggestion}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
