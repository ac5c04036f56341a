"""Fails if a page of the built site would load a script, style, font or image from another server: `make docs` runs it.

python docs/check_site.py build/docs
"""

import html.parser
import pathlib
import re
import sys

_LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "audio": "src",
    "video": "src",
    "link": "href",
}
_NOT_LOADED = {"canonical", "alternate", "prev", "next"}
"""Values of `rel` with which a `<link>` loads nothing."""
_STYLE_URL = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")


class _Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        url = values.get(_LOADED.get(tag, ""), "") or ""
        if url.startswith(("http:", "https:", "//")) and values.get("rel") not in _NOT_LOADED:
            self.urls.append(url)
        self.urls += _STYLE_URL.findall(values.get("style") or "")


def external_urls(content: str, *, is_style: bool = False) -> list[str]:
    """The URLs on other servers that a browser loads with a page, or that a style sheet loads.

    Example:

    >>> external_urls('<script src="https://cdn.example.org/a.js"></script><a href="https://example.org">a link</a>')
    ['https://cdn.example.org/a.js']
    """
    if is_style:
        return _STYLE_URL.findall(content)
    page = _Page()
    page.feed(content)
    return page.urls + _STYLE_URL.findall("".join(re.findall(r"<style[^>]*>(.*?)</style>", content, re.DOTALL)))


def main(folder: pathlib.Path) -> None:
    """Check every page and style sheet of a folder; exit with the list of what is loaded from elsewhere."""
    files = [*folder.rglob("*.html"), *folder.rglob("*.css")]
    if not files:
        sys.exit(f"{folder} has no pages: build the site first.")
    found = [
        f"{path.relative_to(folder)}: {url}"
        for path in files
        for url in external_urls(path.read_text("utf-8"), is_style=path.suffix == ".css")
    ]
    if found:
        sys.exit("These pages load files from other servers:\n" + "\n".join(found))
    print(f"{len(files)} pages and style sheets, nothing is loaded from other servers.")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
