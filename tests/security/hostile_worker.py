"""Opens files that it is told of on standard input, and says what became of each: see hostile.py."""

import json
import pathlib
import socket
import sys
import tempfile
import warnings

import kerasft
import kerasft.data
import kerasft.pipelines
from kerasft.errors import KerasftError

ACTIONS = {
    "bundle": lambda path: kerasft.pipelines.load(path)(["a good film"]),
    "checkpoint": kerasft.load_pretrained,
    "data": lambda path: list(kerasft.data.read_texts(path)),
}
seen: list[str] = []


def watch(event: str, arguments: tuple) -> None:
    """Note files opened for writing outside of the temporary folder, programs started, and connections."""
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        path = str(arguments[0])
        if not path.startswith((tempfile.gettempdir(), "/dev/null")) and "__pycache__" not in path:
            seen.append("wrote")
    elif event == "socket.connect" and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
        seen.append("connected")
    elif event in ("os.system", "subprocess.Popen", "os.exec"):
        seen.append("started a program")


def outcome(action: str, path: str) -> str:
    """Open one file."""
    seen.clear()
    try:
        ACTIONS[action](pathlib.Path(path))
        result = "loaded"
    except (KerasftError, MemoryError):
        result = "refused"
    except Exception as error:  # a traceback for the user
        result = f"traceback {type(error).__name__}"
    return seen[0] if seen else result


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    answers = sys.stdout
    sys.stdout = sys.stderr
    sys.addaudithook(watch)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(outcome(*json.loads(line)), file=answers, flush=True)
