import errno
import logging
import pathlib
import warnings

import pytest

import kerasft
from kerasft.cli import doctor
from kerasft.cli.main import main
from kerasft.errors import KerasftError


@pytest.fixture
def broken(monkeypatch):
    """Make `kerasft doctor` raise."""

    def raising(error):
        def run(args):
            raise error

        monkeypatch.setattr(doctor, "run", run)

    return raising


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KerasftError("the file\nis bad"), 1, "error: the file is bad"),
        (
            PermissionError(errno.EACCES, "Permission denied", "x.csv"),
            1,
            "error: x.csv cannot be read or written: Perm",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "error: the disk is full."),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("by zero\nmore"), 70, "unexpected ZeroDivisionError: by zero. This is a bug"),
        (ValueError(), 70, "unexpected ValueError: . This is a bug"),
        (OSError("of a library"), 70, "unexpected OSError: of a library."),
    ],
)
def test_every_error_is_a_line_and_an_exit_code(broken, run, error, code, line):
    broken(error)
    received, _, err = run("doctor")
    assert received == code
    assert err.startswith(f"kerasft: {line}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("error", [KerasftError("bad"), ZeroDivisionError("by zero")])
def test_debug_shows_the_traceback(broken, error):
    broken(error)
    with pytest.raises(type(error)):
        main(["doctor", "--debug"])


def test_debug_may_stand_before_or_after_the_task(train_words, tmp_path):
    for words in (["train", "--debug", *train_words[1:]], [*train_words, "--debug"]):
        with pytest.raises(KerasftError, match=r"no\.csv"):
            main([*words, "--train", "no.csv", "--output", str(tmp_path / "bundle")])


def test_a_closed_pipe_is_no_error(broken, monkeypatch, tmp_path):
    broken(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    with open(tmp_path / "closed", "w") as out:
        monkeypatch.setattr("sys.stdout", out)
        assert main(["doctor"]) == 0
        out.write("lost")
    assert (tmp_path / "closed").read_text() == ""


@pytest.mark.parametrize("words", [[], ["bogus"], ["train"], ["predict"], ["doctor", "--epochs", "x"]])
def test_wrong_usage_is_exit_code_2(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "usage: kerasft" in capsys.readouterr().err


def test_version_and_help(capsys):
    for words, shown in ((["--version"], f"kerasft {kerasft.__version__}\n"), (["--help"], "train")):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code == 0
        assert shown in capsys.readouterr().out


def test_every_command_is_in_the_help_with_its_first_line(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for path in pathlib.Path(doctor.__file__).parent.glob("*.py"):
        if "\ndef run(" not in path.read_text("utf-8"):  # a part of commands
            continue
        name = path.stem
        assert f" {name} " in shown


def test_the_settings_of_a_command_end_with_it(run):
    shown = warnings.showwarning
    run("predict", "no/such/bundle", "a")
    assert warnings.showwarning is shown
    assert logging.getLogger("tensorflow").level == logging.ERROR
