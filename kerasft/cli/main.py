"""The entry point `kerasft`: parses the command, runs it, and converts errors to a message and an exit code.

Exit codes: 0 success; 1 invalid input or a file system error; 2 invalid command line; 70 a bug in kerasft; 130 interrupted
by the user; 143 terminated (SIGTERM).
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
    """The process received SIGTERM, which schedulers and `docker stop` send before SIGKILL."""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; does not import TensorFlow, so that `--help` is fast.

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
        arguments: Command-line arguments without the program name; default: those of the process.

    Example:

    >>> main(["predict", "no/such/bundle", "hello"])
    1
    """
    is_own_process = arguments is None
    if is_own_process:
        carry_any_text()
    args = make_parser().parse_args(arguments)
    args.argv = sys.argv[1:] if is_own_process else arguments
    if is_own_process:
        signal.signal(signal.SIGTERM, _terminate)
    for name, value in vars(args).items():
        if isinstance(value, str) and value.startswith("~/"):
            setattr(args, name, os.path.expanduser(value))  # shells do not expand --output=~/reviews
    with contextlib.ExitStack() as settings:
        if not args.debug:
            settings.enter_context(quiet())
            settings.enter_context(without_echoes())
            if is_own_process:
                quiet_exit()
            settings.enter_context(warnings.catch_warnings())
            warnings.showwarning = _show_warning
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # hide TensorFlow's startup messages
            for name in ("tensorflow", "absl"):
                logging.getLogger(name).setLevel(logging.ERROR)
        if not logging.root.handlers:
            logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
            settings.callback(logging.root.removeHandler, logging.root.handlers[0])  # its stream is closed with `quiet`
        for name in ("httpx", "filelock", "matplotlib", "h5py"):  # hide messages about each request and font
            logging.getLogger(name).setLevel(logging.WARNING)
        code = _run(args)
    if is_own_process and code != 0:
        # After a failed write, libraries try again at interpreter exit, and print tracebacks or crash.
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
        # Only with --trust: it imports TensorFlow.
        with kerasft.security.trust() if getattr(args, "trust", False) else contextlib.nullcontext():
            code = args.run(args) or 0
        sys.stdout.flush()  # here, where errors are converted to messages
        return code
    except KeyboardInterrupt:
        print(f"kerasft: interrupted.{_continuation(args)}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except _Terminated:
        print(f"kerasft: terminated.{_continuation(args)}", file=sys.stderr)
        return EXIT_TERMINATED
    except BrokenPipeError:  # `kerasft predict ... | head` closed standard output: not an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if args.debug:
            raise
        message = _message(error)
        if message and not hasattr(args, "skip_invalid"):  # a command without this flag
            message = message.replace(SKIP_HINT, "").rstrip()
        print(f"kerasft: {message or _bug(error)}{_continuation(args)}", file=sys.stderr)
        return EXIT_INPUT if message else EXIT_BUG


def _message(error: Exception) -> str | None:
    """Return a one-line message for errors of the input or the file system; None for other errors."""
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
    """Print a warning as one line, without source code."""
    print(f"kerasft: note: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
