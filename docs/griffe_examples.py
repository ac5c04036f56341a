"""Two changes to what the API reference is made of: examples become code, and functions go before the modules of their names.

Google's style indents what belongs to a section. Ours leaves examples unindented, and Markdown would take `>>>` for a quotation.
`kerasft.data.text_classification` is a function for whoever imports it, and a module for whoever looks at the files alone.
"""

import re

import griffe

_EXAMPLE = re.compile(r"^Examples?:\n\n(?=>>> )(.*?)(?=\n\n(?!>>> )|\Z)", re.MULTILINE | re.DOTALL)


def _indented(match: re.Match) -> str:
    body = match.group(1)
    return "Examples:\n" + "\n".join(f"    {line}" if line else "" for line in body.splitlines())


class Examples(griffe.Extension):
    """Indents the examples of every docstring before it is parsed; puts functions in place of the modules of the same name."""

    def on_instance(self, *, obj: griffe.Object, **_) -> None:
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = _EXAMPLE.sub(_indented, obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **_) -> None:
        """Change the members of each subpackage that exports a function named as the module which defines it."""
        for subpackage in [pkg, *pkg.modules.values()]:
            for name in map(str, subpackage.exports or ()):
                module = subpackage.members.get(name)
                if module is not None and module.is_module and name in module.members:
                    subpackage.members[name] = griffe.Alias(name, module.members[name], parent=subpackage)
