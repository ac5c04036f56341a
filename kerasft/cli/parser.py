"""An argument parser that accepts values and texts that begin with a dash, and suggests the option that was probably meant."""

import argparse
import difflib
import re
import sys
from collections.abc import Sequence

_OPTION_LIKE = re.compile(r"--?[A-Za-z][\w-]*(=.*)?", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` for command lines whose values may begin with a dash.

    `argparse` reads `--label-names -1,1` and `predict BUNDLE "-5 degrees"` as unknown options. Here the word after an option
    that takes a value is its value, unless it is an option itself, and a word that does not look like an option is a text. A text
    that looks like an option goes after `--`.

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
            TypeError: If the option takes several texts without `action="extend"`: the texts are passed one at a time.
        """
        return self._register(super().add_argument(*args, **named), named)

    def add_argument_group(self, *args, **named):
        """Add a titled group of arguments, as `argparse` does."""
        group = super().add_argument_group(*args, **named)
        add_argument = group.add_argument
        group.add_argument = lambda *args, **named: self._register(add_argument(*args, **named), named)
        return group

    def _register(self, action: argparse.Action, named: dict) -> argparse.Action:
        """Remember an option, so that `_sorted` knows which words are its values."""
        several = action.option_strings and action.nargs not in (None, 0, "?")
        if several and action.type is None and named.get("action") != "extend":
            flag = action.option_strings[0]
            raise TypeError(f'{flag} takes several texts, so it needs action="extend" (or a type such as int).')
        self._options.update(dict.fromkeys(action.option_strings, action))
        return action

    def add_subparsers(self, **named):
        """Add commands, as `argparse` does."""
        self._has_commands = True
        return super().add_subparsers(**named)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None):
        """Parse, as `argparse` does, after sorting the words into an order that it cannot misread."""
        words = sys.argv[1:] if args is None else list(args)
        if self._has_commands:
            return super().parse_known_args(words, namespace)
        parsed, surplus = super().parse_known_args(self._sorted(words), namespace)
        if surplus := [word for word in surplus if word != "--"]:
            self.error(f"unrecognized arguments: {' '.join(surplus)}")
        return parsed, []

    def error(self, message: str):
        """Exit with code 2; print the error and how to list the options (there can be a hundred) instead of all of them."""
        self.exit(2, f"usage: {self.prog} ... ({self.prog} --help lists its options)\n{self.prog}: error: {message}\n")

    def _sorted(self, words: list[str]) -> list[str]:
        """Join each option and its value into one word, put them before `--`, and the texts after it in their order."""
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
            else:  # several values, for which argparse has no `=`; they end at the next option
                values = []
                while words and self._is_value(words[0]):
                    values.append(words.pop(0))
                if action.type:
                    options += [word, *values]
                else:  # texts may begin with a dash: repeat the option's name before each; action="extend" collects them
                    options += [f"{word}={value}" for value in values] or [word]
        return [*options, "--", *texts] if texts else options

    def _is_value(self, word: str) -> bool:
        # -1, -x and "- a" are values; a misspelled option is not.
        return not word.startswith("--") if _OPTION_LIKE.fullmatch(word) else word != "--"

    def _option(self, flag: str) -> argparse.Action | None:
        """The action of an option, or of an unambiguous prefix of its name."""
        if flag in self._options or not flag.startswith("--"):
            return self._options.get(flag)
        options = self._beginning_with(flag)
        return self._options[options[0]] if len(options) == 1 else None

    def _beginning_with(self, flag: str) -> list[str]:
        return [name for name in self._options if name.startswith(flag)] if flag.startswith("--") else []

    def _check_ambiguous(self, word: str) -> None:
        """Exit with an error for an unknown option; `argparse` itself lists the candidates for an ambiguous one."""
        flag = word.partition("=")[0]
        if self._beginning_with(flag):
            return
        close = difflib.get_close_matches(flag, self._options, n=1) if flag.startswith("--") else ()
        advice = "".join(f". Did you mean {name}?" for name in close)
        if not flag.startswith("--"):
            advice = f". If it is a text, put it after --: {self.prog} ... -- {word!r}"
        self.error(f"unrecognized arguments: {word}{advice}")
