"""An argument parser that takes values and texts which begin with a dash, and whose errors name what was probably meant."""

import argparse
import difflib
import re
import sys
from collections.abc import Sequence

_OPTION_LIKE = re.compile(r"--?[A-Za-z][\w-]*(=.*)?", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` for command lines whose values may begin with a dash.

    `argparse` reads `--label-names -1,1` and `predict BUNDLE "-5 degrees"` as unknown options. Here the word after an option
    that takes a value is its value, unless it is an option itself; and a word that does not look like an option is a text. What
    looks like one but is a text goes after `--`.

    Example:

    >>> parser = Parser(prog="kerasft predict")
    >>> _ = parser.add_argument("texts", nargs="*"), parser.add_argument("--label")
    >>> parser.parse_args(["-5,3", "--label", "-1,x"])
    Namespace(texts=['-5,3'], label='-1,x')
    """

    def __init__(self, *args, **named):
        self._options: dict[str, argparse.Action] = {}
        self._has_commands = False
        super().__init__(*args, **named)

    def add_argument(self, *args, **named) -> argparse.Action:
        """Add an argument, as `argparse` does.

        Raises:
            TypeError: If it is an option of several texts without `action="extend"`: each text is given to it by itself.
        """
        action = super().add_argument(*args, **named)
        several = action.option_strings and action.nargs not in (None, 0, "?")
        if several and action.type is None and named.get("action") != "extend":
            raise TypeError(f'{args[0]} takes several texts, so it needs action="extend" (or a type such as int).')
        self._options.update(dict.fromkeys(action.option_strings, action))
        return action

    def add_subparsers(self, **named):
        """Add commands, as `argparse` does."""
        self._has_commands = True
        return super().add_subparsers(**named)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None):
        """Parse, as `argparse` does, after the words have been put in an order that it cannot misread."""
        words = sys.argv[1:] if args is None else list(args)
        if self._has_commands:
            return super().parse_known_args(words, namespace)
        parsed, surplus = super().parse_known_args(self._sorted(words), namespace)
        if surplus := [word for word in surplus if word != "--"]:
            self.error(f"unrecognized arguments: {' '.join(surplus)}")
        return parsed, []

    def error(self, message: str):
        """End the process with exit code 2, naming the error, and where the options are listed: they can be a hundred."""
        self.exit(2, f"usage: {self.prog} ... ({self.prog} --help lists its options)\n{self.prog}: error: {message}\n")

    def _sorted(self, words: list[str]) -> list[str]:
        """Each option and its value as one word, all of them before `--`, then the texts in their order."""
        options, texts = [], []
        while words:
            word = words.pop(0)
            if word == "--":
                texts += words
                break
            flag, equals, _ = word.partition("=")
            action = self._option(flag)
            if action is None and _OPTION_LIKE.fullmatch(word):
                self._check_ambiguous(word)
                options.append(word)
            elif action is None:
                texts.append(word)
            elif equals or action.nargs == 0:
                options.append(word)
            elif action.nargs in (None, "?"):
                takes = bool(words) and self._is_value(words[0])
                options.append(f"{word}={words.pop(0)}" if takes else word)
            else:  # several values, for which argparse has no `=`: they end at the next option
                values = []
                while words and self._is_value(words[0]):
                    values.append(words.pop(0))
                if action.type:
                    options += [word, *values]
                else:  # of texts, which may begin with a dash, each gets the option's name again: that is what extend adds up
                    options += [f"{word}={value}" for value in values] or [word]
        return [*options, "--", *texts] if texts else options

    def _is_value(self, word: str) -> bool:
        # A misspelled option is no value; -1, -x and "- a" are.
        return not word.startswith("--") if _OPTION_LIKE.fullmatch(word) else word != "--"

    def _option(self, flag: str) -> argparse.Action | None:
        """The action of an option, or of an unambiguous beginning of its name."""
        if flag in self._options or not flag.startswith("--"):
            return self._options.get(flag)
        options = self._beginning_with(flag)
        return self._options[options[0]] if len(options) == 1 else None

    def _beginning_with(self, flag: str) -> list[str]:
        return [name for name in self._options if name.startswith(flag)] if flag.startswith("--") else []

    def _check_ambiguous(self, word: str) -> None:
        """End with an error for what is no option; `argparse` itself names the options that an ambiguous one could be."""
        flag = word.partition("=")[0]
        if self._beginning_with(flag):
            return
        close = difflib.get_close_matches(flag, self._options, n=1) if flag.startswith("--") else ()
        advice = "".join(f". Did you mean {name}?" for name in close)
        if not flag.startswith("--"):
            advice = f". If it is a text, write it after --: {self.prog} ... -- {word!r}"
        self.error(f"unrecognized arguments: {word}{advice}")
