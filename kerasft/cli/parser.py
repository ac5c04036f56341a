"""An argument parser that accepts values and texts starting with a dash, and suggests similar options for unknown ones."""

import argparse
import difflib
import re
import sys
from collections.abc import Sequence

_OPTION_LIKE = re.compile(r"--?[A-Za-z][\w-]*(=.*)?", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` for command lines whose values may start with a dash.

    `argparse` rejects `--label-names -1,1` and `predict BUNDLE "-5 degrees"` as unknown options. Here, the argument after an
    option that takes a value is its value, unless it is an option itself, and an argument that does not look like an option is
    positional. Positional arguments that look like options go after `--`.

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
        """Add an argument; see `argparse`.

        Raises:
            TypeError: If the option takes several strings without `action="extend"`: they are passed one at a time.
        """
        return self._register(super().add_argument(*args, **named), named)

    def add_argument_group(self, *args, **named):
        """Add a group of arguments; see `argparse`."""
        group = super().add_argument_group(*args, **named)
        add_argument = group.add_argument
        group.add_argument = lambda *args, **named: self._register(add_argument(*args, **named), named)
        return group

    def _register(self, action: argparse.Action, named: dict) -> argparse.Action:
        """Store an option, so that `_sorted` knows which arguments are its values."""
        several = action.option_strings and action.nargs not in (None, 0, "?")
        if several and action.type is None and named.get("action") != "extend":
            flag = action.option_strings[0]
            raise TypeError(f'{flag} takes several strings, so it needs action="extend" (or a type such as int).')
        self._options.update(dict.fromkeys(action.option_strings, action))
        return action

    def add_subparsers(self, **named):
        """Add subcommands; see `argparse`."""
        self._has_commands = True
        return super().add_subparsers(**named)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None):
        """Parse with `argparse`, after reordering the arguments so that they are unambiguous."""
        argv = sys.argv[1:] if args is None else list(args)
        if self._has_commands:
            return super().parse_known_args(argv, namespace)
        parsed, unknown = super().parse_known_args(self._sorted(argv), namespace)
        if unknown := [arg for arg in unknown if arg != "--"]:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, []

    def error(self, message: str):
        """Exit with code 2; print the error and how to list the options, instead of up to a hundred options."""
        self.exit(2, f"usage: {self.prog} ... ({self.prog} --help lists its options)\n{self.prog}: error: {message}\n")

    def _sorted(self, argv: list[str]) -> list[str]:
        """Join options and their values as `--option=value`, followed by `--` and the positional arguments in order."""
        options = []
        positionals = []
        while argv:
            arg = argv.pop(0)
            if arg == "--":
                positionals += argv
                break
            flag, equals, _ = arg.partition("=")
            action = self._option(flag)
            if action is None and _OPTION_LIKE.fullmatch(arg):
                self._check_ambiguous(arg)
                options.append(arg)
            elif action is None:
                positionals.append(arg)
            elif equals or action.nargs == 0:
                options.append(arg)
            elif action.nargs in (None, "?"):
                takes = bool(argv) and self._is_value(argv[0])
                options.append(f"{arg}={argv.pop(0)}" if takes else arg)
            else:  # several values, which argparse does not support with `=`; they end at the next option
                values = []
                while argv and self._is_value(argv[0]):
                    values.append(argv.pop(0))
                if action.type:
                    options += [arg, *values]
                else:  # values may start with a dash: repeat the option before each; action="extend" collects them
                    options += [f"{arg}={value}" for value in values] or [arg]
        return [*options, "--", *positionals] if positionals else options

    def _is_value(self, arg: str) -> bool:
        # -1, -x and "- a" are values; a misspelled option is not.
        return not arg.startswith("--") if _OPTION_LIKE.fullmatch(arg) else arg != "--"

    def _option(self, flag: str) -> argparse.Action | None:
        """Return the action of an option, or of an unambiguous prefix of its name."""
        if flag in self._options or not flag.startswith("--"):
            return self._options.get(flag)
        options = self._with_prefix(flag)
        return self._options[options[0]] if len(options) == 1 else None

    def _with_prefix(self, flag: str) -> list[str]:
        return [name for name in self._options if name.startswith(flag)] if flag.startswith("--") else []

    def _check_ambiguous(self, arg: str) -> None:
        """Exit with an error for an unknown option; `argparse` itself lists the candidates for an ambiguous one."""
        flag = arg.partition("=")[0]
        if self._with_prefix(flag):
            return
        close = difflib.get_close_matches(flag, self._options, n=1) if flag.startswith("--") else ()
        advice = "".join(f". Did you mean {name}?" for name in close)
        if not flag.startswith("--"):
            advice = f". If it is a text, put it after --: {self.prog} ... -- {arg!r}"
        self.error(f"unrecognized arguments: {arg}{advice}")
