"""The few pieces of HTML that the report is made of. Every text is escaped here and nowhere else.

A page is one file: styles and pictures are in it and nothing is loaded from anywhere. Its only
script sorts tables and is not needed to read them; a policy in the page lets no other run.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 68rem; margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.6em; margin: 0 0 .5rem; } h2 { font-size: 1.3em; margin: 2.2rem 0 .5rem; }
h3 { font-size: 1.05em; margin: 1.6rem 0 .4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85em; margin: .4rem 0; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid #ddd;
         vertical-align: top; white-space: nowrap; }
td.long { white-space: normal; min-width: 16rem; }
th[role=button] { cursor: pointer; } th[aria-sort=ascending]::after { content: " \\25B4"; }
th[aria-sort=descending]::after { content: " \\25BE"; }
figure { margin: 1rem 0; overflow-x: auto; } img { max-width: 100%; height: auto; }
figcaption { font-size: .9em; color: #333; }
.box { border-left: .3rem solid #0072b2; background: #f3f7fa; padding: .6rem 1rem; margin: 1rem 0; }
.box div + div { margin-top: .4rem; }
.warning { border-color: #b03000; background: #fdf3ef; font-weight: 600; }
.error { border-color: #b03000; color: #b03000; font-weight: 600; }
.violated { color: #b03000; font-weight: 600; } .consistent { color: #00664a; }
.small { font-size: .85em; color: #555; }
@media print { body { max-width: none; padding: 0; font-size: 11px; }
  .scroll, figure { overflow: visible; } figure img { min-width: 0 !important; }
  table { font-size: 9px; } th, td { white-space: normal; }
  figure, tr, .box { break-inside: avoid; } h2, h3, p.small { break-after: avoid; } }
"""

# Sorts a table by the column whose heading is clicked: numbers by their value, "-" last.
_SCRIPT = """
for (const head of document.querySelectorAll("th")) {
  const sort = () => {
    const body = head.closest("table").tBodies[0];
    const up = head.getAttribute("aria-sort") !== "ascending";
    const column = head.cellIndex;
    const key = row => {
      const text = row.cells[column].textContent.trim();
      const number = parseFloat(text.replace(/,(?=\\d{3})/g, "").replace(/^\\[/, ""));
      return [text === "-" ? 2 : Number.isNaN(number) ? 1 : 0, number, text];
    };
    const rows = Array.from(body.rows, row => [key(row), row]);
    rows.sort(([a], [b]) => {
      const order = a[0] === 0 ? a[1] - b[1] : a[2].localeCompare(b[2]);
      return a[0] - b[0] || (up ? order : -order);
    });
    for (const [, row] of rows) body.append(row);
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  };
  head.setAttribute("role", "button");
  head.tabIndex = 0;
  head.addEventListener("click", sort);
  head.addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
  });
}
"""

# Longer cells may break into lines; the others stay in one, and the table scrolls on a phone.
_LONG_CHARACTERS = 40


def page(title: str, body: Sequence[str]) -> str:
    """Returns a whole document from pieces of HTML."""
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            *body,
            f"<script>{_SCRIPT}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def heading(level: int, text: str) -> str:
    """Returns a heading of level 1, 2 or 3."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    """Returns a paragraph; `kind` is a class of the style sheet."""
    return f"<p{_kind(kind)}>{escape(text)}</p>"


def items(texts: Sequence[str]) -> str:
    """Returns an unordered list; "" if it is empty."""
    if not texts:
        return ""
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def box(texts: Sequence[str], kind: str = "") -> str:
    """Returns a coloured box with a paragraph for each text; "" if there is none."""
    if not texts:
        return ""
    inside = "".join(f"<div>{escape(text)}</div>" for text in texts)
    return f'<div class="box {escape(kind)}">{inside}</div>'


def table(cells: Sequence[Sequence[str]], kinds: Mapping[str, str] | None = None) -> str:
    """Returns a table that scrolls sideways where it is too wide.

    Args:
        cells: Rows, the first one the heading.
        kinds: Text of a cell to a class of the style sheet.
    """
    kinds = kinds or {}
    head = "".join(f"<th>{escape(cell)}</th>" for cell in cells[0])
    rows = []
    for row in cells[1:]:
        classes = [kinds.get(c, "long" if len(c) > _LONG_CHARACTERS else "") for c in row]
        pairs = zip(row, classes, strict=True)
        rows.append("".join(f"<td{_kind(kind)}>{escape(cell)}</td>" for cell, kind in pairs))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def picture(svg: bytes, description: str, *, min_width_rem: float) -> str:
    """Returns an SVG file as a picture; as an image it can run no script and load nothing.

    Args:
        svg: The file.
        description: What it shows; stands below it, and in its place for who cannot see it.
        min_width_rem: Where the screen is narrower it scrolls sideways rather than shrink more.
    """
    data = base64.b64encode(svg).decode("ascii")
    text = escape(description)
    style = f' style="min-width: {min_width_rem:g}rem"' if min_width_rem else ""
    return (
        f'<figure><img{style} src="data:image/svg+xml;base64,{data}" alt="{text}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode("ascii")
    sources = f"img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return f"default-src 'none'; {sources}"


def _kind(kind: str) -> str:
    return f' class="{escape(kind)}"' if kind else ""
