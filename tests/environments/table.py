"""Print what passed with which versions as a Markdown table, of the last runs of `make environments`."""

import collections
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

FOLDER = pathlib.Path(__file__).parents[2] / "build" / "environments"
NAMES = ("pins", "colab", "kaggle", "floor")


def outcomes(path: pathlib.Path) -> dict[str, collections.Counter]:
    """How often each test function passed, failed or was skipped in one run."""
    counts: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        module = case.get("classname").split(".")[-1].removeprefix("test_")
        step = re.sub(r"[\[@].*", "", case.get("name")).removeprefix("test_").replace("_", " ")
        name = (
            step
            if module == "steps"
            else f"{module}: all"
            if "parity" in case.get("classname")
            else f"{module}: {step}"
        )
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        counts[name]["failed" if kinds - {"skipped"} else "skipped" if kinds else "passed"] += 1
    return counts


def seconds(path: pathlib.Path) -> float:
    """How long a run took."""
    return float(next(ElementTree.parse(path).getroot().iter("testsuite")).get("time"))


def main() -> int:
    """Print the table."""
    runs = {name: FOLDER / f"{name}.xml" for name in NAMES if (FOLDER / f"{name}.xml").is_file()}
    counts = {name: outcomes(path) for name, path in runs.items()}
    print(f"| step | {' | '.join(runs)} |")
    print(f"|---|{'---|' * len(runs)}")
    for step in dict.fromkeys(step for each in counts.values() for step in each):
        cells = [", ".join(f"{count} {kind}" for kind, count in each[step].items()) or "-" for each in counts.values()]
        print(f"| {step} | {' | '.join(cells)} |")
    print(f"| seconds | {' | '.join(f'{seconds(path):.0f}' for path in runs.values())} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
