"""Open more than 1,000 hostile files, and print what became of each kind: the table of docs/security.md.

    python benchmarks/hostile.py [--scale 0.1] [--seed 0] [--parts data ...]

Each is a change of a tiny whole bundle, checkpoint, SavedModel, LiteRT folder or data file, opened and asked for an answer in
another process. A case of more than 60 s is a hang; of more than 4 GB, `memory`; a file that is written, a program that is
started and a connection are noticed by an audit hook of Python. About 25 minutes on 2 cores.
"""

import argparse
import collections
import contextlib
import pathlib
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from tests.security.hostile import PARTS, Corpus, run
from tests.security.test_hostile import write_whole_files

COLUMNS = ("refused", "loaded", "wrote", "connected", "started a program", "crash", "hang", "memory", "traceback")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    args = parser.parse_args()
    table = collections.defaultdict(collections.Counter)
    start = time.monotonic()

    def report(case, outcome):
        kind, _, path = case
        table[kind][next(column for column in COLUMNS if outcome.startswith(column))] += 1
        if outcome not in ("refused", "loaded"):
            print(f"{kind}: {outcome}: {path.name}", file=sys.stderr, flush=True)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        whole = write_whole_files(pathlib.Path(folder) / "whole", exports="programs" in args.parts)
        (pathlib.Path(folder) / "cases").mkdir()
        cases = Corpus(whole, pathlib.Path(folder) / "cases", scale=args.scale, seed=args.seed, parts=args.parts)
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl+C or a SIGTERM: the table is of the cases so far
            run(cases, report)
    print(f"| kind | cases | {' | '.join(COLUMNS)} |")
    print(f"|---|---|{'---|' * len(COLUMNS)}")
    total = sum(table.values(), collections.Counter())
    for kind, counts in [*table.items(), ("all", total)]:
        print(f"| {kind} | {sum(counts.values())} | {' | '.join(str(counts[column]) for column in COLUMNS)} |")
    print(f"\n{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
