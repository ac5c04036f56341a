"""Every kind of runner called from many threads at once: how many answers differ from those of one thread, and how many crashes.

    python benchmarks/threads.py --calls 200
    python benchmarks/threads.py --only LiteRT device --calls 2000
    python benchmarks/threads.py --bundle saved_models/reviews --texts dev.txt

The kinds are those of `tests/many_threads.py`, on tiny models with random weights; `--bundle` takes a bundle of your own, or an
export of it, and answers the lines of `--texts`. The calls run in a process of its own: where it dies, the kind that it was at
has crashed, and a new process goes on with the next. Prints a Markdown table; exits with 1 if an answer was wrong.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200, help="of each kind")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="kinds whose name holds one of these")
    parser.add_argument("--bundle", help="a bundle or an export of it, in place of the tiny models")
    parser.add_argument("--texts", type=pathlib.Path, help="a text a line, for --bundle")
    parser.add_argument("--work", type=pathlib.Path, help=argparse.SUPPRESS)  # of the process that makes the calls
    args = parser.parse_args()
    if args.bundle and not args.texts:
        parser.error("--bundle needs --texts")
    if args.work:
        work(args)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        results = supervised(pathlib.Path(temporary) / "results.jsonl", sys.argv[1:])
    show(results)
    return int(any(row["wrong"] or row["errors"] or row["crashed"] for row in results))


def supervised(path: pathlib.Path, arguments: list[str]) -> list[dict]:
    """Start the working process again after each crash, until all kinds are done."""
    path.touch()
    while True:
        command = [sys.executable, __file__, *arguments, "--work", str(path)]
        returned = subprocess.run(command, cwd=ROOT, check=False).returncode
        rows = {row["kind"]: row for row in read(path)}
        if returned == 0:
            return list(rows.values())
        unfinished = [row for row in rows.values() if not row["done"]]
        if returned > 0 or not unfinished:
            sys.exit(f"the working process ended with {returned}")
        write(path, unfinished[-1] | {"done": True, "crashed": True})


def work(args: argparse.Namespace) -> None:
    """Call each kind that has no result yet."""
    sys.path.insert(0, str(ROOT))
    from tests import many_threads  # only here: it starts TensorFlow

    done = {row["kind"] for row in read(args.work)}
    kinds = {args.bundle: lambda folder: own_bundle(args)} if args.bundle else many_threads.KINDS
    for kind, make in kinds.items():
        if kind in done or not any(text in kind for text in args.only):
            continue
        print(kind, file=sys.stderr, flush=True)
        calls = min(args.calls, many_threads.SLOW.get(kind, args.calls))
        row = {
            "kind": kind,
            "calls": calls,
            "wrong": 0,
            "errors": [],
            "crashed": False,
            "seconds": 0.0,
            "done": False,
        }
        write(args.work, row)
        with tempfile.TemporaryDirectory() as folder:
            call, items = make(pathlib.Path(folder))
            start = time.perf_counter()
            wrong, errors = many_threads.wrong_answers(call, items, calls=calls, num_threads=args.threads)
        write(args.work, row | {"wrong": wrong, "errors": errors, "seconds": time.perf_counter() - start, "done": True})


def own_bundle(args: argparse.Namespace):
    from kerasft.pipelines import load  # only here: it starts TensorFlow

    lines = [line for line in args.texts.read_text("utf-8").split("\n") if line.strip()]
    return load(args.bundle), [(line,) for line in lines]


def read(path: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def write(path: pathlib.Path, row: dict) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def show(results: list[dict]) -> None:
    """The tasks of a kind share a row."""
    groups: dict[str, list[dict]] = {}
    for row in results:
        kind, _, last = row["kind"].rpartition(", ")
        groups.setdefault(kind or last, []).append(row)
    print("| kind | calls | wrong | errors | crashes |\n|---|---|---|---|---|")
    for name, rows in [*groups.items(), ("**all**", results)]:
        calls, wrong = sum(row["calls"] for row in rows), sum(row["wrong"] for row in rows)
        errors, crashes = sum(len(row["errors"]) for row in rows), sum(row["crashed"] for row in rows)
        what = f" ({len(rows)} models)" if len(rows) > 1 and name != "**all**" else ""
        print(f"| {name}{what} | {calls:,} | {wrong} | {errors} | {crashes} |")
    for row in results:
        for error in sorted(set(row["errors"]))[:2]:
            print(f"{row['kind']}: {error[:200]}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
