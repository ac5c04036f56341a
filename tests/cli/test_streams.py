"""Commands on terminals that are not UTF-8: no text stops them, and JSON stays JSON."""

import io
import json
import os
import subprocess
import sys

import pytest

from kerasft.cli.streams import json_line

TEXT = "a caf\u00e9 \u4e2d\u6587 \U0001f600"
ENCODINGS = ("ascii", "latin-1", "cp1252", "utf-8")


def run_python(*words, encoding, stdin=b""):
    """The bytes that a process writes on a terminal of another encoding."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, *words], env=environment, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]
    return done.stdout


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_tables_and_paths_that_the_terminal_lacks_are_escaped(encoding):
    program = (
        "from kerasft.cli.streams import carry_any_text\n"
        "from kerasft.cli.table import print_table\n"
        "carry_any_text()\n"
        f"print_table(('label', 'f1'), [({TEXT!r}, '0.5')])\n"
        "print('written: no\\udcffutf8')"
    )
    written = run_python("-c", program, encoding=encoding).decode(encoding)
    assert "0.5" in written
    assert "no\\udcffutf8" in written
    assert (TEXT if encoding == "utf-8" else "\\u4e2d\\u6587") in written


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_standard_input_is_utf8(encoding):
    program = "import sys; from kerasft.cli.streams import carry_any_text; carry_any_text(); print(ascii(sys.stdin.readline()))"
    assert run_python("-c", program, encoding=encoding, stdin=TEXT.encode()).decode().strip() == ascii(TEXT)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_utf8_or_escaped(encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    stream.write(json_line({"text": TEXT}, stream))
    stream.flush()
    assert json.loads(stream.buffer.getvalue().decode("utf-8")) == {"text": TEXT}
    assert (TEXT in json_line({"text": TEXT}, stream)) == (encoding == "utf-8")


def test_a_stream_without_an_encoding_takes_any_text():
    assert json_line({"text": TEXT}, io.StringIO()) == json.dumps({"text": TEXT}, ensure_ascii=False)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_predict_answers_on_such_a_terminal(bundle, encoding):
    words = ("-m", "kerasft", "predict", bundle, "--file", "-")
    written = run_python(*words, encoding=encoding, stdin=f"{TEXT}\ngood\n".encode())
    rows = [json.loads(line) for line in written.decode("utf-8").splitlines()]
    assert [row["text"] for row in rows] == [TEXT, "good"]
    assert all(row["label"] in ("negative", "positive") for row in rows)
