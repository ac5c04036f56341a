"""The entry point `kerasft`: parses the command, runs it, and turns every error into a message and an exit code.

Exit codes: 0 done; 1 invalid input, or the file system refused something (the sentence says what); 2 wrong usage of the
command line; 70 a bug of kerasft; 130 interrupted by the user; 143 terminated (SIGTERM).
"""

import argparse
import contextlib
import logging
import os
import signal
import sys
import warnings

import kerasft
from kerasft.cli import benchmark, convert, demo, doctor, evaluate, export, graph, predict, search, train
from kerasft.cli.parser import Parser
from kerasft.cli.quiet import quiet, quiet_exit
from kerasft.cli.storage import storage_sentence, without_echoes
from kerasft.cli.streams import carry_any_text
from kerasft.errors import SKIP_HINT, KerasftError

_COMMANDS = (train, evaluate, predict, search, graph, export, convert, benchmark, doctor, demo)
_LOADING = (train, evaluate, predict, search, export, convert, benchmark)
EXIT_INPUT, EXIT_BUG, EXIT_INTERRUPTED, EXIT_TERMINATED = 1, 70, 130, 143


class _Terminated(BaseException):
    """The process was sent SIGTERM, as schedulers and `docker stop` do before they kill."""


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands. Starts no TensorFlow, so that `--help` answers at once.

    Example:

    >>> make_parser().parse_args(["doctor"]).command
    'doctor'
    """
    parser = Parser(
        prog="kerasft", description="Fine-tune pretrained transformers with Keras; deploy them on servers and phones."
    )
    parser.add_argument("--version", action="version", version=f"kerasft {kerasft.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        name = command.__name__.rsplit(".", 1)[1]
        summary = command.__doc__.split("\n", 1)[0]
        subparser = commands.add_parser(name, help=summary, description=summary)
        subparser.add_argument("--debug", action="store_true", help="show the full traceback of errors")
        if command in _LOADING:
            subparser.add_argument(
                "--trust",
                action="store_true",
                help="skip the security checks of bundles and exports; use only for sources you trust",
            )
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
    is_own_process = arguments is None
    if is_own_process:
        carry_any_text()
    args = make_parser().parse_args(arguments)
    args.words = sys.argv[1:] if is_own_process else arguments
    if is_own_process:
        signal.signal(signal.SIGTERM, _terminate)
    for name, value in vars(args).items():
        if isinstance(value, str) and value.startswith("~/"):
            setattr(args, name, os.path.expanduser(value))  # a shell leaves --output=~/reviews as it is
    with contextlib.ExitStack() as settings:
        if not args.debug:
            settings.enter_context(quiet())
            settings.enter_context(without_echoes())
            if is_own_process:
                quiet_exit()
            settings.enter_context(warnings.catch_warnings())
            warnings.showwarning = _show_warning
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's start-up lines are not news to the user
            for name in ("tensorflow", "absl"):
                logging.getLogger(name).setLevel(logging.ERROR)
        if not logging.root.handlers:
            logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
            settings.callback(logging.root.removeHandler, logging.root.handlers[0])  # its stream ends with `quiet`
        for name in ("httpx", "filelock", "matplotlib", "h5py"):  # each request and font is no news either
            logging.getLogger(name).setLevel(logging.WARNING)
        code = _run(args)
    if is_own_process and code != 0:
        # Libraries that could not write try once more when the interpreter ends, and print tracebacks or crash.
        _flush()
        os._exit(code)
    return code


def _terminate(number, frame) -> None:
    raise _Terminated


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _run(args: argparse.Namespace) -> int:
    try:
        # Only where it is asked for: it brings TensorFlow.
        with kerasft.security.trust() if getattr(args, "trust", False) else contextlib.nullcontext():
            code = args.run(args) or 0
        sys.stdout.flush()  # here, where an error becomes a sentence
        return code
    except KeyboardInterrupt:
        print(f"kerasft: interrupted.{_continuation(args)}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except _Terminated:
        print(f"kerasft: terminated.{_continuation(args)}", file=sys.stderr)
        return EXIT_TERMINATED
    except BrokenPipeError:  # `kerasft predict ... | head` closed our output: that is no error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if args.debug:
            raise
        sentence = _sentence(error)
        if sentence and not hasattr(args, "skip_invalid"):  # a command without this flag
            sentence = sentence.replace(SKIP_HINT, "").rstrip()
        print(f"kerasft: {sentence or _bug(error)}{_continuation(args)}", file=sys.stderr)
        return EXIT_INPUT if sentence else EXIT_BUG


def _sentence(error: Exception) -> str | None:
    """What the user can fix, in one line; None for an error that is no fault of the input or the file system."""
    if isinstance(error, KerasftError):
        columns = " On the command line: --text NAME --label NAME." if "columns={" in str(error) else ""
        return f"error: {' '.join(str(error).split())}{columns}"
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("kerasft"):
        return f"error: the Python package with the module {error.name} is not installed. `kerasft doctor` shows what to install."
    storage = storage_sentence(error)
    return storage and f"error: {storage}"


def _continuation(args: argparse.Namespace) -> str:
    """The command that resumes a training from its last checkpoint, if there is one."""
    command = getattr(args, "continuation", None)
    return f" To resume from the last checkpoint: {command}" if command else ""


def _bug(error: Exception) -> str:
    first_line = next(iter(str(error).strip().splitlines()), "")
    return (
        f"unexpected {type(error).__name__}: {first_line}. This is a bug in kerasft or a library: run again with --debug "
        "and report the output."
    )


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    """A warning as one line without the code that raised it."""
    print(f"kerasft: note: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
