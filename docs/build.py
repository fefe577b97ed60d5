"""Builds the site, runs its doctests and follows its local links; any warning is an error.

    python docs/build.py [OUTPUT]

OUTPUT is build/docs by default; the site is in OUTPUT/html, and made anew each time.
`tools/docs.sh` makes the environment first.
"""

import shutil
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.cmd.build import build_main

SOURCE = Path(__file__).resolve().parent


class _Page(HTMLParser):
    """The addresses that a page links to or shows, and its own anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes the element's link and its anchor."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name == "id" and value:
                self.anchors.add(value)


def broken_links(site: Path) -> Iterator[str]:
    """Yields every broken local link of a site, with its page."""
    pages = {path.resolve(): _Page(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            named = unquote(parts.fragment)
            known = pages[target].anchors if target in pages else set()
            if not target.exists() or (named and target in pages and named not in known):
                yield f"{path.relative_to(site.resolve())}: {link}"


def main() -> int:
    """Builds and checks; returns the exit code."""
    output = Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs")
    for made_before in ("html", "doctrees"):  # pages of modules that have moved since
        shutil.rmtree(output / made_before, ignore_errors=True)
    for builder in ("html", "doctest"):
        arguments = ["-W", "--keep-going", "-q", "-b", builder, "-d", str(output / "doctrees")]
        if build_main([*arguments, str(SOURCE), str(output / builder)]):
            return 1
    broken = list(broken_links(output / "html"))
    print(
        "\n".join(["links that lead nowhere:", *broken]) if broken else output / "html/index.html"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
