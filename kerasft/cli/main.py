"""The entry point `kerasft`: reads the command, runs it, turns every error into a sentence and an exit code.

Exit codes: 0 done; 1 something in the input must be mended (the sentence says what); 2 wrong usage of the command line;
130 interrupted by the user; 70 a bug of kerasft.
"""

import argparse
import logging
import os
import sys

import kerasft
from kerasft.cli import benchmark, demo, doctor, evaluate, export, predict, train
from kerasft.cli.quiet import start_tensorflow
from kerasft.errors import KerasftError

_COMMANDS = (train, evaluate, predict, export, benchmark, doctor, demo)
EXIT_INPUT, EXIT_BUG, EXIT_INTERRUPTED = 1, 70, 130


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands. Starts no TensorFlow, so that `--help` answers at once.

    Example:

    >>> make_parser().parse_args(["doctor"]).command
    'doctor'
    """
    parser = argparse.ArgumentParser(
        prog="kerasft", description="Fine-tune pretrained transformers in Keras; ship them to servers and phones."
    )
    parser.add_argument("--version", action="version", version=f"kerasft {kerasft.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        name = command.__name__.rsplit(".", 1)[1]
        summary = command.__doc__.split("\n", 1)[0]
        subparser = commands.add_parser(name, help=summary, description=summary)
        subparser.add_argument("--debug", action="store_true", help="show the traceback of an error")
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: Words of the command line without the program's name; by default those of the process.

    Example:

    >>> main(["predict", "no/such/bundle", "hello"])
    1
    """
    args = make_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if not args.debug:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's start-up lines are not news to the user
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        logging.getLogger("absl").setLevel(logging.ERROR)
        start_tensorflow()
    try:
        return args.run(args) or 0
    except KerasftError as error:
        if args.debug:
            raise
        print(f"kerasft: error: {error}", file=sys.stderr)
        return EXIT_INPUT
    except KeyboardInterrupt:
        print("kerasft: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # `kerasft predict ... | head` closed our output: that is no error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if args.debug:
            raise
        first_line = next(iter(str(error).strip().splitlines()), "")
        print(
            f"kerasft: unexpected {type(error).__name__}: {first_line}. This is a bug of kerasft or of a library: "
            "run again with --debug and report what it prints.",
            file=sys.stderr,
        )
        return EXIT_BUG


if __name__ == "__main__":
    sys.exit(main())
