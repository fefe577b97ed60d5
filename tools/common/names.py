"""Which optimizer people mean, by what they and other tools call it."""

import difflib
from collections.abc import Iterable, Mapping

from tfoptcmp.rules import rule_named
from tfoptcmp.signatures import Signature


def meant(label: str, signatures: Mapping[str, Signature]) -> str | None:
    """Returns the name of the optimizer that a label stands for, or None.

    Case, spaces and punctuation do not count: "Adam W" is adamw, "torch.optim.Adam" adam.
    """
    if label in signatures:
        return label
    bare = _bare(label)
    found = [n for n, one in signatures.items() if bare in (_bare(n), _bare(one.rule.title))]
    if len(found) == 1:
        return found[0]
    rule = rule_named(label)
    if rule is None or rule.name not in signatures or not bare.isalpha():
        return None  # "adam2", of which `rule_named` sees the letters, is another
    return rule.name


def proposal(label: str, names: Iterable[str]) -> str:
    """Returns ": did you mean adam?" if a name is near; else ""."""
    by_bare = {_bare(name): name for name in names}
    near = difflib.get_close_matches(_bare(label), by_bare, 1)
    return f": did you mean {by_bare[near[0]]}?" if near else ""


def _bare(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
