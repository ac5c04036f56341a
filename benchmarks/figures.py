"""Figures of the package's source, read from its syntax trees: what a refactoring should lower, and must not raise unnoticed.

    python benchmarks/figures.py
    python benchmarks/figures.py --package OTHER/kerasft --files

Prints a table, and with `--files` for each figure where it comes from. A room is a package or a single module directly under
kerasft/. Nothing is imported, so it takes a second.
"""

import argparse
import ast
import collections
import itertools
import pathlib
import sys
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[1]
TASKS = (
    "text-classification", "token-classification", "intent-and-slots", "question-answering", "relation-extraction",
    "masked-lm", "causal-lm", "sequence-to-sequence", "sentence-embedding",
)  # fmt: skip
MODEL_NAMES = (
    "text_classifier", "token_classifier", "intent_and_slots", "question_answering", "relation_classifier", "masked_lm",
    "causal_lm", "sequence_to_sequence", "sentence_embedding",
)  # fmt: skip
"""What the heads call their models: the other names of the tasks."""
_DOCUMENTED = {"_replace", "_asdict", "_fields", "_make", "_exit"}
"""Public in spite of their names: those of named tuples, and `os._exit`."""
Trees = dict[str, ast.Module]
Counts = collections.Counter[str]


def tuple_assignments(trees: Trees) -> Counts:
    """`a, b = x, y`: two assignments in one line."""
    return _count(
        trees,
        lambda node: (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Tuple)
            and isinstance(node.value, ast.Tuple)
        ),
    )


def named_found(trees: Trees) -> Counts:
    """Everything that binds the name `found`: assignments, also within tuples, loops, `with ... as` and `:=`."""
    return _count(
        trees, lambda node: isinstance(node, ast.Name) and node.id == "found" and isinstance(node.ctx, ast.Store)
    )


def literals(trees: Trees, names: tuple[str, ...]) -> Counts:
    """String literals that are one of the names."""
    return _count(trees, lambda node: isinstance(node, ast.Constant) and node.value in names)


def _count(trees: Trees, is_counted) -> Counts:
    counts = collections.Counter({name: sum(map(is_counted, ast.walk(tree))) for name, tree in trees.items()})
    return +counts  # without zeros


def foreign_private(trees: Trees) -> Counts:
    """Private attributes of other libraries, as `file: attribute`.

    Those of anything but `self`, `cls` and `super()` whose name the package itself defines nowhere; of `self` those that are
    neither defined nor assigned in the package, so that a library's base class must have them. Also `tf.__internal__`,
    `keras.src` and names given to `getattr`. A library's attribute that has the name of one of ours is not seen.
    """
    own = {name for tree in trees.values() for name in _private_definitions(tree)}
    used: Counts = collections.Counter()
    for file, tree in trees.items():
        for name in _attributes(tree):
            if name in ("__internal__", "keras.src") or (_is_private(name) and name not in own | _DOCUMENTED):
                used[f"{file}: {name}"] += 1
    return used


def _attributes(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield "keras.src" if ast.unparse(node) == "keras.src" else node.attr
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ("keras.src" if node.module.startswith("keras.src") else part for part in node.module.split("."))
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr", "setattr", "delattr"):
            yield _second_argument(node)


def _private_definitions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            yield node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "object.__setattr__"):
            yield _second_argument(node) if _is_self(node.args[0]) else ""


def _second_argument(call: ast.Call) -> str:
    return str(call.args[1].value) if len(call.args) > 1 and isinstance(call.args[1], ast.Constant) else ""


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def mutual_imports(trees: Trees, *, packages: set[str], through_root: bool) -> list[str]:
    """Pairs of rooms that import each other.

    Args:
        trees: Of the package's files.
        packages: The rooms to look at.
        through_root: Whether `kerasft.room`, which is loaded on first use, counts as an import too.
    """
    edges = set()
    for file, tree in trees.items():
        room = pathlib.PurePath(file).parts[0].removesuffix(".py")
        edges |= {(room, other) for other in _rooms_of(tree, through_root)}
    pairs = itertools.combinations(sorted(packages), 2)
    return [f"{one} - {other}" for one, other in pairs if {(one, other), (other, one)} <= edges]


def _rooms_of(tree: ast.Module, through_root: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            path = node.module.split(".")
            if path == ["kerasft"]:
                yield from (alias.name for alias in node.names)
            elif path[0] == "kerasft":
                yield path[1]
        elif isinstance(node, ast.Import):
            paths = (alias.name.split(".") for alias in node.names)
            yield from (path[1] for path in paths if path[0] == "kerasft" and len(path) > 1)
        elif through_root and isinstance(node, ast.Attribute) and ast.unparse(node.value) == "kerasft":
            yield node.attr


def figures(package: pathlib.Path) -> dict[str, Counts | list[str] | int]:
    """Every figure by its name: a number, or what it consists of."""
    sources = {path.relative_to(package).as_posix(): path.read_text("utf-8") for path in sorted(package.rglob("*.py"))}
    trees = {name: ast.parse(source) for name, source in sources.items()}
    rooms = {pathlib.PurePath(name).parts[0].removesuffix(".py") for name in sources} - {"__init__", "__main__"}
    packages = {room for room in rooms if (package / room).is_dir()}
    tasks, models = literals(trees, TASKS), literals(trees, MODEL_NAMES)
    return {
        "Python files": len(sources),
        "lines in them": collections.Counter({name: len(source.splitlines()) for name, source in sources.items()}),
        "tuples assigned to tuples": tuple_assignments(trees),
        "assignments to a name `found`": named_found(trees),
        "uses of private attributes of other libraries": foreign_private(trees),
        "packages that import each other": mutual_imports(trees, packages=packages, through_root=False),
        "the same, `kerasft.x` included": mutual_imports(trees, packages=packages, through_root=True),
        "rooms (packages and modules) that import each other": mutual_imports(
            trees, packages=rooms, through_root=False
        ),
        "literals that are a task's name": tasks,
        "files with such a literal": len(tasks),
        "literals that are a model's name": models,
        "files with one of these": len(models),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=pathlib.Path, default=ROOT / "kerasft", help="the package's folder")
    parser.add_argument("--files", action="store_true", help="also print what each figure consists of")
    args = parser.parse_args()
    table = figures(args.package)
    print("| figure | |\n|---|---:|")
    for name, value in table.items():
        number = value if isinstance(value, int) else len(value) if isinstance(value, list) else value.total()
        print(f"| {name} | {number:,} |")
    for name, value in table.items() if args.files else ():
        if isinstance(value, int) or name == "lines in them":
            continue
        print(f"\n## {name}\n")
        rows = value if isinstance(value, list) else [f"{count} {what}" for what, count in value.most_common()]
        print("\n".join(f"- {row}" for row in rows) or "none")
    return 0


if __name__ == "__main__":
    sys.exit(main())
