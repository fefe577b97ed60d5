"""The documentation as a site, for Sphinx. `tools/docs.sh` builds it.

Docstrings here are plain text in the manner of Markdown, which is easier to read in an editor;
`_as_restructured_text` says what Sphinx has to be told.
"""

import configparser
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # this tree, not another that may be installed

_setup = configparser.ConfigParser()
_setup.read(ROOT / "setup.cfg", encoding="utf-8")

project = "tfoptcmp"
author = copyright = "The tfoptcmp developers"
version = release = _setup["metadata"]["version"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
default_role = "py:obj"  # `name` in a docstring: a link if it has a target, else code
trim_doctest_flags = True

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True  # as written, not as printed
python_maximum_signature_line_length = 80
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"tfoptcmp {version}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_copy_source = False
html_show_sphinx = False

_SECTION = re.compile(r"\s*(Args|Attributes|Raises|Returns|Yields):$")


def _as_restructured_text(app, what, name, obj, options, lines):
    """Marks indented blocks as literal, and escapes characters that are special to Sphinx."""
    told = []
    literal = section = False
    for i, line in enumerate(lines):
        if not line.strip():
            told.append(line)
            continue
        follows_a_blank = i > 0 and not lines[i - 1].strip()
        if _SECTION.match(line):
            section, literal = True, False
        elif not line.startswith(" "):
            section = literal = False
        elif not section and not literal and follows_a_blank and line.startswith("    "):
            literal = True
            told += ["::", ""]
        told.append(line if literal else _taken_literally(line))
    if what in ("attribute", "data", "property") and told:
        told[:1] = told[0].replace(": ", ":\n", 1).split("\n")  # "x: y" would be a type and a text
    lines[:] = told


def _taken_literally(line):
    parts = line.split("`")
    parts[::2] = [re.sub(r"(?<=\w)_(?!\w)|\|", r"\\\g<0>", part) for part in parts[::2]]
    code = [
        f"`{part}`" if "<" in part else part for part in parts[1::2]
    ]  # not a title and a target
    parts[1::2] = code
    return "`".join(parts)


def _readable_signature(app, what, name, obj, options, signature, returns):
    """Writes defaults that are objects as ..., as otherwise Sphinx cannot parse the signature."""
    return (signature and signature.replace("<factory>", "..."), returns)


def setup(app):
    """Connects the hooks; the one for docstrings before napoleon's, whose priority is 500."""
    app.connect("autodoc-process-docstring", _as_restructured_text, priority=400)
    app.connect("autodoc-process-signature", _readable_signature)
