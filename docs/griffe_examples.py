"""Shows the examples of docstrings as code in the API reference: `Example:` and the doctest below it become a section.

Google's style indents what belongs to a section. Ours leaves examples unindented, so that Markdown would take `>>>` for a quotation.
"""

import re

import griffe

_EXAMPLE = re.compile(r"^Examples?:\n\n(?=>>> )(.*?)(?=\n\n(?!>>> )|\Z)", re.MULTILINE | re.DOTALL)


def _indented(match: re.Match) -> str:
    body = match.group(1)
    return "Examples:\n" + "\n".join(f"    {line}" if line else "" for line in body.splitlines())


class Examples(griffe.Extension):
    """Indents the examples of every docstring before it is parsed."""

    def on_instance(self, *, obj: griffe.Object, **_) -> None:
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = _EXAMPLE.sub(_indented, obj.docstring.value)
