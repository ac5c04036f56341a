"""The pages as tests read them: blocks of Python, command lines, links and headings."""

import pathlib
import re
import shlex
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md")) + [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
_FENCE = re.compile(
    r"(?:<!-- not run: (?P<reason>[^\n]*) -->\n)?^```(?P<kind>\w*)[^\n]*\n(?P<code>.*?)^```", re.M | re.S
)


class Block(NamedTuple):
    """A fenced block of a page."""

    kind: str
    """What follows the fence, such as `python`."""
    code: str
    not_run: str | None
    """The reason in the comment above it, `<!-- not run: ... -->`."""


def name(page: pathlib.Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: pathlib.Path) -> list[Block]:
    return [Block(found["kind"], found["code"], found["reason"]) for found in _FENCE.finditer(page.read_text("utf-8"))]


def python_blocks(page: pathlib.Path) -> list[Block]:
    return [block for block in blocks(page) if block.kind == "python"]


def without_code(page: pathlib.Path) -> str:
    return _FENCE.sub("", page.read_text("utf-8"))


def commands(page: pathlib.Path) -> list[list[str]]:
    """The words of every `kerasft ...` command line, in fenced and in indented blocks."""
    code = [block.code for block in blocks(page) if block.kind in ("bash", "")]
    code += re.findall(r"^(?: {4}[^\n]*\n)+", without_code(page), re.M)
    lines = re.sub(r"\\\n\s*", "", "\n".join(code)).splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.strip().startswith("kerasft ")]


def options(page: pathlib.Path) -> set[str]:
    """The options that the text names in backticks, as `--quantize` or `kerasft export --quantize`."""
    ours = re.findall(r"`((?:--|kerasft )[^`\n]+)`", without_code(page))
    return set(re.findall(r"(?<!\S)--[a-z][\w-]*", " ".join(ours)))


def paths(page: pathlib.Path) -> set[str]:
    """The files of the repository that the text names in backticks; NAME and TASK stand for any name."""
    code = " ".join(re.findall(r"`([^`\n]+)`", without_code(page)))
    found = re.findall(r"(?<![\w./-])(?:kerasft|tests|benchmarks|notebooks)/[\w./]+", code)
    return {path.rstrip(".") for path in found if "NAME" not in path and "TASK" not in path}


def anchors(page: pathlib.Path) -> set[str]:
    """The names of the headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", without_code(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links(page: pathlib.Path) -> list[str]:
    """What the page links to, web addresses included."""
    return re.findall(r"\]\(([^)\s]+)\)", without_code(page))
