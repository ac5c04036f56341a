"""Run a kerasft module in a subprocess, with JSON input and output."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import kerasft


def run_apart(module: str, job: dict[str, Any]) -> dict[str, Any]:
    """Run `python -m MODULE JOB`, and return the JSON that it wrote to the job's `out` file.

    Args:
        module: The module's name.
        job: Passed as JSON in the first argument; `out` is added.

    Returns:
        The result; if the process failed or crashed, `{"error": its last line of output}`.

    Example:

    >>> run_apart("kerasft.measuring.no_such_module", {})["error"]
    '...No module named kerasft.measuring.no_such_module'
    """
    root = str(pathlib.Path(kerasft.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out.json")
        command = [sys.executable, "-m", module, json.dumps(job | {"out": str(out)})]
        process = subprocess.run(
            command, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
        if process.returncode == 0 and out.is_file():
            return json.loads(out.read_text("utf-8"))
    if process.returncode == -9:
        return {"error": "the process was killed (signal 9), most likely because memory ran out"}
    if process.returncode < 0:
        return {"error": f"the process crashed (signal {-process.returncode})"}
    lines = [line for line in process.stderr.splitlines() if line.strip()] or [f"exit code {process.returncode}"]
    return {"error": lines[-1].strip().rstrip(".")}


def answer(job: dict[str, Any], content: dict[str, Any]) -> None:
    """Write a worker's result to the job's `out` file.

    Example:

    >>> answer({"out": "out.json"}, {"rows": []})
    >>> pathlib.Path("out.json").read_text()
    '{"rows": []}'
    """
    pathlib.Path(job["out"]).write_text(json.dumps(content), "utf-8")
