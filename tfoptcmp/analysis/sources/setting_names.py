"""What the names of settings say: a role, such as the seed, and whose the setting is.

`settings` describes the rules, and is what importers use.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from tfoptcmp.analysis.sources.columns import RESULTS
from tfoptcmp.analysis.sources.names import is_hyperparameter, searched_name

_APART = r"[\W_]"
_OPTIMIZER = r"opt|optim|optimi[sz]er"
_KIND = rf"(?:{_APART}*(?:name|type|class|class_name|kind|target)_?)?"
_ROLES = {
    "optimizer": rf"(.*{_APART})?(?:{_OPTIMIZER}){_KIND}",
    "method": rf"(.*[./:])?(?:algorithm|algo|method){_KIND}",
    "seed": rf"(.*{_APART})?(?:random|rng|global)?seed",
    "steps": r"(.*[./:])?(?:(?:num|max|train|training|total|n)[_-]?)*"
    r"(?:steps|epochs|iterations|iters)",
    "schedule": rf"(.*{_APART})?(?:lr)?scheduler?{_KIND}",
    "workload": rf"(.*{_APART})?(?:workload|data|data[_-]?set|task|test_?problem|problem){_KIND}",
    "model": rf"(.*{_APART})?(?:model|arch|architecture){_KIND}",
    # Words that name a run, a place or a day.
    "run": rf"(.*{_APART})?(?:path|dir|directory|folder|file|name|id|uuid|url|uri|commit|host|"
    r"hostname|device|checkpoint|ckpt|resume|date|time|timestamp|project|entity|group|tags?|notes?)",
}
# Folders of all settings.
_FOLDERS = (
    *("config", "cfg", "args", "hp", "hparams", "params", "parameters", "hyperparameters"),
    *("train", "training", "trainer", "experiment"),
)


def is_role(name: str, role: str) -> bool:
    """Returns whether a setting's name says that it is `seed`, `steps`, or another of `_ROLES`."""
    match = re.fullmatch(_ROLES[role], name, re.IGNORECASE)
    inside = match is not None and role == "steps" and match[1]
    return match is not None and (not inside or _is_of_all(re.split(r"[./:]", name)[:-1]))


def is_inside(name: str) -> bool:
    """Returns whether the name of an optimizer's setting is in a folder, or says of which part."""
    match = re.fullmatch(_ROLES["optimizer"], name, re.IGNORECASE)
    return bool(match and match[1])


def whose(name: str, optimizers: Iterable[str]) -> tuple[str, str]:
    """Returns the optimizer that a setting is of, "" if of any, and the name of its column."""
    found = [
        (is_hyperparameter(called), len(alias), optimizer, called)
        for optimizer in dict.fromkeys(optimizers)
        for alias in _aliases(optimizer)
        for rest in _without(alias, name)
        if (called := _called(rest, is_owned=True)) and not _is_of_optimizer(rest)
    ]
    return max(found, key=lambda one: one[:2])[2:] if found else ("", _called(name))


def is_owned(name: str, optimizers: Iterable[str]) -> bool:
    """Returns whether a setting's name says that it is one of an optimizer, of one or of any."""
    folders = re.split(r"[./:]", name)[:-1]
    return bool(whose(name, optimizers)[0]) or any(map(_is_of_optimizer, folders))


def column(name: str) -> str:
    """Returns the column of a setting, which is neither a result nor the end of a range."""
    taken = name in RESULTS or name.endswith(("_low", "_high"))
    return f"{name}_setting" if taken else name


def short(value: object) -> str:
    """A name without the modules that it is in: "Adam" of "torch.optim.Adam"; "" for None."""
    text = "" if value is None else str(value).strip()
    return text.rpartition(".")[2] if re.fullmatch(r"([A-Za-z_]\w*\.)+[A-Za-z_]\w*", text) else text


def _called(name: str, *, is_owned: bool = False) -> str:
    """The name of a setting's column: without folders that do not count."""
    *folders, last = re.split(r"[./:]", name)
    bare = re.sub(rf"^(?:{_OPTIMIZER})[_-](?=.)", "", last, flags=re.IGNORECASE)
    last = bare if is_hyperparameter(bare) else last
    own = is_owned or any(map(_is_of_optimizer, folders))
    is_rate = searched_name(last, None) == "eta0" and last.lower() not in ("alpha", "eta")
    known = is_hyperparameter(last) and (is_rate or _is_of_all(folders))
    return last if own or known else name


def _is_of_optimizer(folder: str) -> bool:
    return bool(re.fullmatch(_OPTIMIZER, folder, re.IGNORECASE))


def _is_of_all(folders: Sequence[str]) -> bool:
    return not folders or folders[-1].lower() in _FOLDERS


def _aliases(optimizer: str) -> Iterator[str]:
    for one in dict.fromkeys((optimizer.lower(), short(optimizer).lower())):
        yield one
        if (rest := one.removesuffix("optimizer").strip("_- ")) not in ("", one):
            yield rest


def _without(alias: str, name: str) -> Iterator[str]:
    own = re.escape(alias)
    for pattern in (rf"(?:.*[./:])?{own}{_APART}+(.+)", rf"(.+?){_APART}+{own}"):
        if match := re.fullmatch(pattern, name, re.IGNORECASE):
            yield match[1]
