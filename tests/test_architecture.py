"""The numbers that the code is held to (docs/architecture.md): levels, lengths, arguments, docstrings, imports."""

import ast
import configparser
import difflib
import importlib
import inspect
import itertools
import os
import pathlib
import re
import subprocess
import sys

import pytest

import kerasft
from kerasft.export.mobile import CORE
from kerasft.tasks import TASKS

ROOT = pathlib.Path(__file__).parent.parent
PACKAGE = ROOT / "kerasft"
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text("utf-8")) for path in FILES}
LEVELS = {
    "activations": 0, "epoch_order": 0, "errors": 0, "features": 0, "files": 0, "keras_internals": 0, "limits": 0, "locks": 0,
    "serialization": 0, "silence": 0, "truncation": 0,
    "security": 1, "losses": 1, "optimizers": 1, "callbacks": 1, "distribution": 1, "measuring": 1,
    "conversion": 1,
    "backbones": 2, "tokenizers": 2, "heads": 2, "data": 2, "answers": 1, "calibration": 2, "encoding": 2, "metrics": 2,
    "adapters": 2, "generation": 2, "postprocessing": 2, "quantization": 2, "quantization_aware": 2,
    "checkpoints": 3, "export": 3, "inference": 3, "tasks": 3, "bundles": 3, "vocabulary": 3,
    "demo": 4, "pipelines": 4, "reports": 4,
    "recipes": 5, "cli": 5, "__main__": 5,
}  # fmt: skip
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_GRAPH_BUILDER, MOST_ARGUMENTS = 400, 60, 80, 7


def _name(path: pathlib.Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in FILES}


def _functions():
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield path, node


def _imports(path: pathlib.Path):
    """Yield (node, module) for every import of a module; `from kerasft.x import y` gives both readings."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join((*package, node.module) if node.module else package)
            yield node, module
            yield from ((node, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)


def _graph() -> dict[str, set[str]]:
    graph = {}
    for name, path in MODULES.items():
        targets = {target for _, target in _imports(path) if target in MODULES and target != name}
        graph[name] = targets - {"kerasft"}  # the root loads its parts on first use, so importing it is no edge
    return graph


def test_a_module_imports_from_lower_levels_only():
    wrong = []
    for name, targets in _graph().items():
        room = name.split(".")[1] if "." in name else None
        for target in targets:
            other = target.split(".")[1]
            if room and LEVELS[other] > LEVELS[room]:
                wrong.append(f"{name} (level {LEVELS[room]}) imports {target} (level {LEVELS[other]})")
    assert not wrong, wrong


def test_no_two_rooms_import_each_other():
    arrows = {}
    for name, targets in _graph().items():
        for target in targets:
            one, other = _room(name), _room(target)
            if one and other and one != other and MODULES[name].name != "__init__.py":
                arrows.setdefault((one, other), f"{name} imports {target}")
    wrong = {arrows[pair] for pair in arrows if pair[::-1] in arrows}
    assert not wrong, sorted(wrong)


def _room(name: str) -> str:
    """The folder of a module, `data/` apart from the two rooms in it; the root's modules are rooms of their own."""
    parts = name.split(".")[1:]
    return "/".join(parts[:2]) if parts[:2] in (["data", "readers"], ["data", "batches"]) else "".join(parts[:1])


def test_what_goes_to_a_device_imports_only_numpy_and_itself():
    device = [*PACKAGE.glob("answers/*.py"), *(PACKAGE / name for name in CORE)]
    ours = {_name(path) for path in device}
    wrong = [
        f"{path.name}: {ast.unparse(node)}"
        for path in device
        for node, target in _imports(path)
        if isinstance(node, ast.Import) or node.level == 0
        if target.split(".")[0] not in {"numpy", *sys.stdlib_module_names}
    ]
    wrong += [
        f"{path.name}: {ast.unparse(node)}"
        for path in device
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.ImportFrom) and node.level
        if ".".join(("kerasft", *path.relative_to(PACKAGE).parts[: -node.level], node.module or "")).rstrip(".")
        not in ours
    ]
    assert not wrong, wrong


def test_there_is_no_import_cycle():
    # A package imports its own files, and they may import each other; what must not be is a loop of modules. A package's
    # __init__ only re-exports, so an import of a sibling through its file is no edge to the package.
    graph = {name: {t for t in targets if not name.startswith(f"{t}.")} for name, targets in _graph().items()}
    done, path, cycles = set(), [], []

    def visit(name):
        if name in path:
            cycles.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in done:
            path.append(name)
            for target in sorted(graph[name]):
                visit(target)
            path.pop()
            done.add(name)

    for name in graph:
        visit(name)
    assert not cycles, cycles


def test_imports_inside_functions_have_their_reason_beside_them():
    wrong = []
    for path, function in _functions():
        lines = path.read_text("utf-8").splitlines()
        for node in ast.walk(function):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = ast.unparse(node)
                reasoned = "#" in lines[node.lineno - 1] or "#" in lines[node.lineno - 2]
                if "kerasft" in names or not reasoned:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {names}")
    assert not wrong, wrong


def test_no_private_part_of_keras_is_imported():
    wrong = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in FILES
        for _, target in _imports(path)
        if target.startswith(("keras.src", "keras_hub.src")) and path.name != "distribution.py"
    ]
    assert not wrong, wrong


def test_private_attributes_of_others_are_used_in_few_places():
    # These say the versions that they were tried with; the quantizer needs LiteRT's list of operations, without Keras.
    exempt = {PACKAGE / name for name in ("keras_internals.py", "optimizers/adamw.py", "conversion/quantizer.py")}
    others = {"_replace", "_asdict", "_exit", "_tab"}  # of named tuples, of `os`, of FlatBuffers' tables
    known = others.union(*map(_assigned_names, TREES.values()))
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in TREES.items()
        if path not in exempt
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and re.fullmatch(r"_[a-z]\w*|__internal__", node.attr)
        if node.attr not in known
    ]
    assert not wrong, wrong


def _assigned_names(tree: ast.AST) -> set[str]:
    """The names of a module's functions, classes, variables and attributes."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            names.add(node.id if isinstance(node, ast.Name) else node.attr)
    return names


def test_files_are_short():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FILE}


def test_functions_are_short():
    wrong = []
    for path, node in _functions():
        doc = ast.get_docstring(node, clean=False)
        length = node.end_lineno - node.lineno + 1 - (doc.count("\n") + 1 if doc else 0)
        limit = LONGEST_GRAPH_BUILDER if path.parent.name in ("backbones", "heads") else LONGEST_FUNCTION
        if length > limit:
            wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines")
    assert not wrong, wrong


def test_functions_take_few_arguments_and_name_most_of_them():
    wrong = []
    for path, node in _functions():
        positional = [a.arg for a in (*node.args.posonlyargs, *node.args.args) if a.arg not in ("self", "cls")]
        subjects = {"source", "tokenizer", "model", "bundle", "folder", "labels"}
        given = len({*positional, *(a.arg for a in node.args.kwonlyargs)} - subjects)
        public = not node.name.startswith("_") or node.name == "__init__"
        # What a function is about is not counted. A layer's, loss's or metric's constructor repeats what its configuration holds.
        if given > MOST_ARGUMENTS and not (node.name == "__init__" and _is_configuration(node)):
            wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {given} arguments")
        # Keyword-only after the second beside the subject: save_bundle(folder, model, tokenizer, *, ...).
        if public and len(positional) > 3 and node.name not in KERAS_SIGNATURES:
            wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {len(positional)} positional arguments")
    assert not wrong, wrong


# Keras decides these; `bad_argument`'s four are the parts of one sentence, in its order; tf.distribute passes the two of
# AdamW by position.
KERAS_SIGNATURES = {
    "add_rows",
    "bad_argument",
    "update_variable",
    "call",
    "update_state",
    "update_step",
    "apply",
    "compute_output_shape",
    "build",
    "__init__",
    "on_epoch_end",
}


def _is_configuration(node: ast.FunctionDef) -> bool:
    return len(node.args.args) <= 3 and bool(node.args.kwonlyargs)


def test_a_task_is_known_by_its_record_and_not_by_a_string():
    # `mobile/` is what devices run, where signature.json says the task; a model card has Hugging Face's own tags.
    exempt = {
        PACKAGE / "checkpoints" / "model_card.py",
        *PACKAGE.glob("tasks/*"),
        *PACKAGE.glob("cli/*"),
        *PACKAGE.rglob("mobile/**/*"),
    }
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value!r}"
        for path, tree in TREES.items()
        if path not in exempt
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in TASKS
    ]
    assert not wrong, wrong


def test_no_assert_and_nothing_unfinished_in_the_package():
    wrong = []
    for path, tree in TREES.items():
        wrong += [f"{path}:{node.lineno} assert" for node in ast.walk(tree) if isinstance(node, ast.Assert)]
        text = path.read_text("utf-8")
        wrong += [f"{path}: {word}" for word in ("TO" + "DO", "NotImplemented" + "Error", "FIX" + "ME") if word in text]
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and len(node.body) == 1 and isinstance(node.body[0], ast.Pass):
                wrong.append(f"{path}:{node.lineno} swallows an error")
    assert not wrong, wrong


def test_no_two_files_are_near_copies():
    bodies = {path: path.read_text("utf-8").splitlines() for path in FILES if path.name != "__init__.py"}
    wrong = []
    for (one, a), (other, b) in itertools.combinations(bodies.items(), 2):
        matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
        if matcher.real_quick_ratio() > 0.8 and matcher.quick_ratio() > 0.8 and matcher.ratio() > 0.8:
            wrong.append(f"{one.name} ~ {other.name}")
    assert not wrong, wrong


def test_every_module_has_a_docstring():
    missing = [str(path.relative_to(ROOT)) for path, tree in TREES.items() if not ast.get_docstring(tree)]
    assert not missing, missing


def _public():
    """Yield (name, object) of everything that the package's public faces name."""
    for room in (*kerasft._SUBPACKAGES, "bundles"):
        module = importlib.import_module(f"kerasft.{room}")
        names = getattr(module, "__all__", None) or [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
        ]
        for name in names:
            value = getattr(module, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                yield f"kerasft.{room}.{name}", value


def test_public_names_are_documented_by_an_example_and_annotated():
    wrong = []
    for name, value in _public():
        doc = value.__doc__ or ""
        is_error = inspect.isclass(value) and issubclass(value, Exception)
        if not doc:
            wrong.append(f"{name}: no docstring")
        elif ">>>" not in doc and not is_error:
            wrong.append(f"{name}: no example")
        if inspect.isfunction(value):
            parameters = inspect.signature(value).parameters.values()
            bare = [
                p.name for p in parameters if p.annotation is p.empty and p.name not in ("tokenizer", "train", "dev")
            ]
            if bare and not all(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters if p.name in bare):
                wrong.append(f"{name}: {bare} not annotated")
    assert not wrong, wrong


def test_every_lazy_name_exists():
    assert set(kerasft.__all__) <= set(dir(kerasft))
    for name in kerasft.__all__:
        assert getattr(kerasft, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        kerasft.nonsense  # noqa: B018


def test_import_and_help_start_no_tensorflow():
    code = (
        "import sys, kerasft, kerasft.cli.main as m; m.make_parser().format_help(); "
        "print([n for n in ('tensorflow', 'keras', 'transformers') if n in sys.modules])"
    )
    seconds = []
    for _ in range(2):  # the first run may compile the files
        start = os.times()  # of the processor, since other programs may be running
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
        end = os.times()
        seconds.append(end.children_user - start.children_user + end.children_system - start.children_system)
    assert found.strip() == "[]"
    assert min(seconds) < 1.0


def test_there_is_enough_test_code():
    code = sum(map(_code_lines, TREES.values()))
    tests = sum(_code_lines(ast.parse(path.read_text("utf-8"))) for path in (ROOT / "tests").rglob("*.py"))
    assert tests / code >= 0.8, (tests, code)


def _code_lines(tree: ast.AST) -> int:
    """Lines without blanks, comments and docstrings."""
    lines = set()
    for node in ast.walk(tree):
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, (ast.stmt, ast.expr)) and not is_docstring and not isinstance(node, ast.Constant):
            lines.add(node.lineno)
            lines.add(node.end_lineno)
    return len(lines)


def test_the_pins_name_no_host_and_no_cuda_and_cover_the_direct_dependencies():
    pins = (ROOT / "constraints.txt").read_text("utf-8").lower().replace("_", "-")
    assert "://" not in pins
    assert "nvidia" not in pins
    assert "\ntorch==" not in pins
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    for line in setup["options"]["install_requires"].strip().splitlines():
        assert f"\n{line.split()[0].lower()}==" in pins, line
