"""Reads the YAML that hydra writes: nested mappings and lists of scalars, in block style.

No YAML library comes with an installation. Anchors, tags and flow style are refused with their
line, not guessed; of scalars of several lines nothing is made but text.
"""

import re
from typing import Any

_KEY = re.compile(r"""('(?:[^']|'')*'|"[^"]*"|[^\s'"#\-?&*!{\[|>][^#]*?|-[^\s#][^#]*?):(?:\s+|$)""")
_WORDS: dict[str, Any] = {
    "null": None,
    "~": None,
    "": None,
    "true": True,
    "false": False,
    "{}": {},
    "[]": [],
}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?\.inf|\.nan", re.IGNORECASE)

Line = tuple[int, int, str]  # number, indentation, content


def parse(text: str) -> Any:
    """Returns what a document holds.

    Raises:
        ValueError: If it is not YAML of this kind; the message names the line.
    """
    numbered = [(n, len(s) - len(s.lstrip()), s.strip()) for n, s in enumerate(text.split("\n"), 1)]
    lines = [one for one in numbered if one[2] and one[2][0] != "#" and one[2] != "---"]
    value = _block(lines, lines[0][1]) if lines else None
    if lines:
        raise ValueError(f"line {lines[0][0]}: {lines[0][2]!r} does not belong to a block")
    return value


def _block(lines: list[Line], indent: int) -> Any:
    """Takes the lines of one mapping or list."""
    is_list = _is_item(lines[0][2])
    found: Any = [] if is_list else {}
    while lines and lines[0][1] == indent and _is_item(lines[0][2]) == is_list:
        number, _, content = lines.pop(0)
        inner = content[1:].lstrip() if is_list else content
        key = _KEY.match(inner)
        if is_list and (key or _is_item(inner)):  # a block that begins in the line of its item
            lines.insert(0, (number, indent + len(content) - len(inner), inner))
            found.append(_block(lines, lines[0][1]))
        elif is_list and not inner and lines and lines[0][1] > indent:
            found.append(_block(lines, lines[0][1]))
        elif is_list:
            found.append(_scalar(inner, number, indent, lines))
        elif key is None:
            raise ValueError(f"line {number}: {content!r} is no key with a value")
        else:
            name, rest = str(_scalar(key[1], number, indent, [])), inner[key.end() :]
            below = lines[0] if lines else (0, -1, "")
            nested = below[1] > indent or (below[1] == indent and _is_item(below[2]))
            nested = nested and not rest
            found[name] = (
                _block(lines, below[1]) if nested else _scalar(rest, number, indent, lines)
            )
    return found


def _scalar(text: str, number: int, indent: int, lines: list[Line]) -> Any:
    """The value of a text and of the deeper lines that continue it, which it takes."""
    while lines and lines[0][1] > indent:
        place, _, more = lines.pop(0)
        if text[:1] not in tuple("'\"|>") and (_is_item(more) or _KEY.match(more)):
            raise ValueError(f"line {place}: {more!r} is below a value")
        text += f" {more}"
    if quoted := re.fullmatch(r"""'((?:[^']|'')*)'|"([^"]*)"|([|>].*)""", text):
        return (quoted[1] or quoted[2] or quoted[3] or "").replace("''", "'")
    text = re.sub(r"(^|\s)#.*", "", text).strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if text[:1] in tuple("&*!{[%@`'\""):
        raise ValueError(f"line {number}: {text!r} is YAML that is not read here")
    if not _NUMBER.fullmatch(text):
        return text
    return int(text) if text.lstrip("+-").isdigit() else float(re.sub(r"\.(?=[inIN])", "", text))


def _is_item(content: str) -> bool:
    return content == "-" or content.startswith("- ")
