"""Record what kerasft answers and writes for every task, and compare a later state of the code with the record, byte for byte.

    python benchmarks/freeze.py write --folder F
    python benchmarks/freeze.py compare --folder F

`write` builds each case of `freeze_cases.py`, saves it, exports it to every form, asks every form, measures and trains by the
command line, and notes all names, signatures and help pages of the package. F then has two folders: `texts`, which is what must
be equal later, a folder a case; and `files`, the bundles and exports themselves. `compare` builds all of it again in a temporary
folder and compares the texts; besides, it loads the bundles and exports in F/files, which the older code wrote, and compares
their answers. Prints a table and a unified diff of each text that differs; exits with 1 if one does.

What may move in a refactoring is in files of its own, `device_sources.json` (names and digests of a device's Python files) and
`modules.json` (the modules that a model's configuration names); `--except device_sources.json modules.json` leaves them out
of the exit code. Another kind of processor adds in another order: give `--tolerance 1e-4 --except binaries.json weights.json`
there. All of it takes about five minutes of one core; `--only TEXT` builds the cases whose name holds TEXT.
"""

import os

# Before TensorFlow starts. One thread and no oneDNN: sums are then made in the same order in every run.
os.environ.update(
    TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", OMP_NUM_THREADS="1", TF_ENABLE_ONEDNN_OPTS="0",
    TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", HF_HUB_OFFLINE="1",
    KERASFT_CONVERT_IN_PROCESS="1",  # else each export would start TensorFlow once more
    COLUMNS="100",  # argparse wraps help pages at the terminal's width
)  # fmt: skip

import argparse
import contextlib
import difflib
import fnmatch
import functools
import io
import json
import logging
import pathlib
import re
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

# freeze_cases and freeze_names use public names of kerasft only; this is all that is needed of its inside.
from freeze_cases import CASES, GENERATION, TRAININGS, Case, write_data
from freeze_names import help_pages, public_names, signatures
from freeze_texts import digest, json_text, normalized, without_modules

import kerasft
from kerasft import KerasftError
from kerasft.cli.main import main as kerasft_command

TEXTS, FILES = "texts", "files"
TEXT_SUFFIXES = (
    ".json",
    ".jsonl",
    ".txt",
    ".md",
    ".html",
    ".js",
    ".kt",
    ".kts",
    ".swift",
    ".py",
    ".xml",
    ".properties",
    "",
)
FORMS: dict[str, Callable[[Any, str, Case], Any]] = {
    "saved_model": lambda bundle, folder, case: kerasft.export.saved_model(bundle, folder),
    "litert": lambda bundle, folder, case: kerasft.export.litert(bundle, folder),
    "litert_int8": lambda bundle, folder, case: kerasft.export.litert(
        bundle, folder, quantize="int8", sequence_length=list(case.lengths)
    ),
    "mediapipe": lambda bundle, folder, case: kerasft.export.mediapipe(
        bundle, f"{folder}/model.tflite", sequence_length=16, app_normalizes=True
    ),
    "generation": lambda bundle, folder, case: kerasft.export.litert_generation(bundle, folder, **GENERATION),
    "huggingface": lambda bundle, folder, case: kerasft.checkpoints.save_huggingface(
        folder, bundle.model, bundle.tokenizer
    ),
}
"""What is written of each bundle; where a form is refused, the refusal is what must stay the same."""
ANSWERING = ("bundle", "saved_model", "litert", "litert_int8")
"""Those that a pipeline opens."""


# --- writing ----------------------------------------------------------------------------------------------------------


class Record:
    """Writes the texts of a case."""

    def __init__(self, root: pathlib.Path, case: str):
        self.folder = root / case

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")


def write(folder: pathlib.Path, only: str = "") -> None:
    """Build within `folder` everything whose name holds `only`."""
    texts, files = folder.absolute() / TEXTS, folder.absolute() / FILES
    for path in (texts, files):
        path.mkdir(parents=True)
    makers = {"package": write_package}
    makers |= {name: functools.partial(write_case, case=case) for name, case in CASES.items()}
    makers |= {f"train {name}": functools.partial(write_training, *parts) for name, parts in TRAININGS.items()}
    os.chdir(files)  # so that all paths in texts are relative, and the same in every run
    write_data(pathlib.Path("data"))
    for name, make in makers.items():
        if only in name:
            keras.utils.clear_session()  # Keras' counters of layer names are at 0 again
            start = time.perf_counter()
            make(record=Record(texts, name))
            print(f"{name}: {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)


def write_package(record: "Record") -> None:
    record.write("public_names.json", json_text(public_names()))
    record.write("signatures.json", json_text(signatures()))
    for name, page in help_pages(command).items():
        record.write(f"help/{name}.txt", page)


def write_case(case: Case, record: "Record") -> None:
    made, name = case.make(), record.folder.name
    folder = kerasft.save_bundle(
        f"{name}/bundle",
        made.model,
        made.tokenizer,
        max_length=made.max_length,
        pair=made.metadata["pair"],
        settings=made.settings,
    )
    bundle = kerasft.load_bundle(folder)
    write_model(record, folder, bundle)
    for form, export in FORMS.items():
        if form in case.forms and (case.lengths or form != "litert_int8"):
            write_form(record, bundle, form, lambda form=form, export=export: export(bundle, f"{name}/{form}", case))
    for form in ANSWERING:
        if os.path.isdir(f"{name}/{form}"):
            write_answers(record, form, f"{name}/{form}", case)
    for title, line in {
        "evaluate": f"evaluate {folder} --data data/{case.data} --report {name}/report",
        "predict": f"predict {folder} --file data/{case.asked or case.data} --max-rows 5",
    }.items():
        record.write(f"command/{title}.txt", command(line.split()))
    if os.path.isfile(f"{name}/report/report.json"):
        record.write("command/report.json", normalized(pathlib.Path(name, "report", "report.json").read_text("utf-8")))


def write_model(record: Record, folder: pathlib.Path, bundle: Any) -> None:
    """What the bundle holds: metadata, the layers' configurations, every weight."""
    for name in ("kerasft.json", "tokenizer.json", "tokenizer_config.json"):
        record.write(f"bundle/{name}", normalized((folder / name).read_text("utf-8")))
    with zipfile.ZipFile(folder / "model.keras") as file:
        config = json.loads(file.read("config.json"))
    modules: dict[str, str] = {}
    record.write("bundle/config.json", json_text(without_modules(config, modules)))
    record.write("bundle/modules.json", json_text(dict(sorted(modules.items()))))
    weights = {
        weight.path: f"{weight.dtype} {tuple(weight.shape)} {digest(np.asarray(weight).tobytes())}"
        for weight in bundle.model.weights
    }
    record.write("bundle/weights.json", json_text(weights))


def write_form(record: Record, bundle: Any, form: str, export: Callable[[], Any]) -> None:
    """Export, and note what was written; or why it was refused."""
    with messages() as said:
        try:
            export()
        except KerasftError as error:
            record.write(f"{form}/refused.txt", f"{type(error).__name__}: {error}\n")
            return
    record.write(f"{form}/messages.txt", "".join(f"{line}\n" for line in said))
    folder = pathlib.Path(record.folder.name, form)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    record.write(f"{form}/names.json", json_text([name for name in names if not name.startswith("python/")]))
    binaries = {path.name: digest(path.read_bytes()) for path in paths if path.suffix in (".tflite", ".safetensors")}
    sources, samples = {}, {}
    for name, path in zip(names, paths):
        if path.suffix not in TEXT_SUFFIXES:
            continue
        text = normalized(path.read_text("utf-8"))
        # The digest in kerasft.json must be the file's; it is recorded once, with the other binary files'.
        text = text.replace(f'"sha256": "{binaries.get("model.tflite")}"', '"sha256": "<of model.tflite>"')
        if "/" not in name:
            record.write(f"{form}/{name}", text)
        else:
            (sources if name.startswith("python/") else samples)[name] = digest(text.encode())
    record.write(f"{form}/binaries.json", json_text(binaries))
    if samples:
        record.write(f"{form}/samples.json", json_text(samples))
        record.write(f"{form}/device_sources.json", json_text(sources))


def write_answers(record: Record, form: str, folder: str, case: Case) -> None:
    with messages() as said:
        record.write(f"{form}/answers.json", json_text(answers(folder, case)))
    record.write(f"{form}/answers_messages.txt", "".join(f"{line}\n" for line in said))


def answers(folder: str, case: Case) -> list[dict[str, Any]]:
    """What a pipeline of any form answers to the case's calls; an export of a writing model answers with a refusal."""
    found = []
    try:
        pipeline = kerasft.pipelines.load(folder, num_threads=1)
        for items, options in case.calls:
            found.append({"options": options, "answers": pipeline(list(items), **options)})
    except KerasftError as error:
        found.append({"refused": f"{type(error).__name__}: {error}"})
    return found


def write_training(start: str, data: str, options: list[str], record: "Record") -> None:
    name = record.folder.name.removeprefix("train ")
    task, folder = name.partition(",")[0], "trained/" + re.sub(r"\W+", "-", name)
    model = pathlib.Path("start", start)
    if not model.exists():
        bundle = CASES[start].make()
        kerasft.checkpoints.save_huggingface(model, bundle.model, bundle.tokenizer)
    words = ["train", task, "--model", str(model), "--train", f"data/{data}", "--dev", f"data/{data}"]
    words += ["--epochs", "1", "--batch-size", "8", "--learning-rate", "1e-3", "--seed", "0", *options]
    record.write("output.txt", command([*words, "--output", folder]))
    if os.path.isdir(folder):
        write_model(record, pathlib.Path(folder), kerasft.load_bundle(folder))
        record.write("predict.txt", command(["predict", folder, "--file", f"data/{data}", "--max-rows", "5"]))


def command(words: list[str]) -> str:
    """Run a command of `kerasft` and return all that it printed, and its exit code."""
    printed, said = io.StringIO(), io.StringIO()
    # As in a process of its own: a library that logged before has put a handler here, and kerasft then adds none.
    handlers, logging.root.handlers = logging.root.handlers, []
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
        try:
            code = kerasft_command(words)
        except SystemExit as stop:
            code = stop.code
        finally:
            logging.root.handlers = handlers
    text = (
        f"$ kerasft {' '.join(words)}\n{printed.getvalue()}--- standard error\n{said.getvalue()}--- exit code {code}\n"
    )
    return normalized(text)


@contextlib.contextmanager
def messages() -> Iterator[list[str]]:
    """What kerasft logs meanwhile."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda entry: said.append(f"{entry.levelname}: {entry.getMessage()}")
    logger = logging.getLogger("kerasft")
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)


# --- comparing --------------------------------------------------------------------------------------------------------


def compare(folder: pathlib.Path, *, only: str, tolerance: float, exceptions: list[str]) -> int:
    """Build again, print what differs; return the exit code."""
    folder = folder.absolute()
    frozen = _texts_of(folder, only)
    with tempfile.TemporaryDirectory() as temporary:
        write(pathlib.Path(temporary), only)
        rebuilt = _texts_of(pathlib.Path(temporary), only)
        os.chdir(folder / FILES)  # where the paths in messages are those of the record
    rows = [
        (*name.split("/", 1), frozen.get(name), rebuilt.get(name)) for name in sorted(frozen.keys() | rebuilt.keys())
    ]
    for name, case in CASES.items():
        for form in ANSWERING:
            if only in name and os.path.isdir(f"{name}/{form}"):
                found = json_text(answers(f"{name}/{form}", case))
                rows.append(
                    (name, f"{form}/answers.json of the old files", frozen[f"{name}/{form}/answers.json"], found)
                )
    print("| case | file | |\n|---|---|---|")
    different = []
    for case, file, old, new in rows:
        state = difference(old, new, tolerance)
        if state.startswith("different"):
            excepted = any(fnmatch.fnmatch(file.rsplit("/", 1)[-1], pattern) for pattern in exceptions)
            state += " (excepted)" if excepted else ""
            different.append((case, file, old, new, excepted))
        print(f"| {case} | {file} | {state} |")
    for case, file, old, new, _ in different:
        show(f"{case}/{file}", old, new)
    failed = [row for row in different if not row[-1]]
    print(
        f"\n{len(rows)} texts compared, {len(different)} different, {len(different) - len(failed)} of these excepted."
    )
    return int(bool(failed))


def _texts_of(folder: pathlib.Path, only: str) -> dict[str, str]:
    root = folder / TEXTS
    paths = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_text("utf-8") for name, path in paths.items() if only in name.partition("/")[0]}


_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])")


def difference(old: str | None, new: str | None, tolerance: float) -> str:
    """Say in a word or two whether two texts are equal; with a tolerance, apart from their numbers."""
    if old is None or new is None:
        return "different: only " + ("now" if old is None else "in the record")
    if old == new:
        return "equal"
    if tolerance and _NUMBER.sub("#", old) == _NUMBER.sub("#", new):
        numbers = [np.array([float(value) for value in _NUMBER.findall(text)]) for text in (old, new)]
        if np.allclose(*numbers, rtol=tolerance, atol=tolerance):
            return f"equal within {tolerance:g}"
    return "different"


def show(name: str, old: str | None, new: str | None, *, most: int = 80) -> None:
    """Print a unified diff, each line and the whole of it cut."""
    lines = difflib.unified_diff(
        (old or "").splitlines(), (new or "").splitlines(), f"frozen/{name}", f"now/{name}", lineterm="", n=1
    )
    lines = list(lines)
    print("\n" + "\n".join(line[:300] for line in lines[:most]))
    if len(lines) > most:
        print(f"... {len(lines) - most} lines more")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("write", "compare"))
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="the record; `write` makes it")
    parser.add_argument("--tolerance", type=float, default=0.0, help="allowed difference of numbers (default: none)")
    parser.add_argument(
        "--except",
        dest="exceptions",
        nargs="+",
        default=[],
        metavar="NAME",
        help="files that may differ",
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only the cases whose name holds this")
    args = parser.parse_args()
    if args.action == "compare":
        if not (args.folder / TEXTS).is_dir():
            parser.error(f"{args.folder} holds no record: `write` it first")
        return compare(args.folder, only=args.only, tolerance=args.tolerance, exceptions=args.exceptions)
    if args.folder.exists() and any(args.folder.iterdir()):
        parser.error(f"{args.folder} is not empty")
    write(args.folder, args.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
