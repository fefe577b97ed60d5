"""What the names of settings say: a role, such as the seed, and whose the setting is.

`settings` describes the rules, and is what importers use.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from tfoptcmp.analysis.sources.columns import RESULTS
from tfoptcmp.analysis.sources.names import is_hyperparameter, searched_name

_APART = r"[\W_]"
_OPTIMIZER = r"opt|optim|optimi[sz]er"
_KIND = rf"(?:{_APART}*(?:name|name_or_path|type|class|class_name|kind|target)_?)?"
_ROLES = {
    "optimizer": rf"(.*{_APART})?(?:{_OPTIMIZER}){_KIND}",
    "method": rf"(.*[./:])?(?:algorithm|algo|method){_KIND}",
    "seed": rf"(.*{_APART})?(?:(?:random|rng|global)?seed|seed_everything|random[_-]?state)",
    "steps": r"(.*[./:])?(?:(?:num|max|train|training|total|n)[_-]?)*"
    r"(?:steps|epochs|iterations|iters)",
    "schedule": rf"(.*{_APART})?(?:lr)?scheduler?{_KIND}",
    "workload": rf"(.*{_APART})?(?:workload|data|data[_-]?set|task|test_?problem|problem){_KIND}",
    "model": rf"(.*{_APART})?(?:model|arch|architecture){_KIND}",
    # Words that name a run, a place or a day; "loss/name" is a setting.
    "run": rf"(.*{_APART})?(?:path|dir|directory|folder|file|id|uuid|url|uri|commit|host|hostname|"
    r"device|port|pid|run|trial|checkpoint|ckpt|resume|date|time|timestamp|project|entity|group|tags?|notes?|"
    r"(?:run|exp|experiment|job|trial|study|sweep|session|project|group|user|host|node|file|log|"
    r"wandb|output|display)[_-]?name)|(?:(?:config|cfg|args|params|run|experiment)[./:])?(?:name|gpu)",
}
_OTHER_ROLES = ("optimizer", "schedule", "seed", "steps", "model", "workload")
# Arguments of optimizers that are not translated; lower case, without "_" and "-".
_OTHER_ARGUMENTS = (
    *("weightdecay", "wd", "decay", "nesterov", "amsgrad", "betas", "b1", "b2", "dampening"),
    *("centered", "clipnorm", "schedule", "scheduler", "lrschedule", "lrscheduler"),
)
# Folders of all settings.
_FOLDERS = (
    *("config", "cfg", "args", "hp", "hparams", "params", "parameters", "hyperparameters"),
    *("train", "training", "trainer", "experiment"),
)


def is_role(name: str, role: str) -> bool:
    """Returns whether a setting's name says that it is `seed`, `steps`, or another of `_ROLES`."""
    name = _without_value(name)
    match = re.fullmatch(_ROLES[role], name, re.IGNORECASE)
    inside = match is not None and role == "steps" and match[1]
    return match is not None and (not inside or _is_of_all(re.split(r"[./:]", name)[:-1]))


def names_a_run(name: str) -> bool:
    """Returns whether a setting's name says that it names a run or where it ran, and no more."""
    return is_role(name, "run") and not any(is_role(name, role) for role in _OTHER_ROLES)


def part(name: str) -> str:
    """Returns of which part the name of an optimizer's setting says that it is; "" of none.

    It is "inner_" of "model/inner_optimizer", and "model/" of "model/optimizer".
    """
    match = re.fullmatch(_ROLES["optimizer"], _without_value(name), re.IGNORECASE)
    given = (match and match[1]) or ""
    return re.split(r"[./:]", given)[-1] or given


def whose(name: str, optimizers: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Returns the optimizers that a setting is of, () if of any, and the name of its column.

    The start or the end of a name says so only if the rest is an argument: "bn_momentum" is not
    Momentum's. A folder says so of all that is in it, unless "momentum" is an argument, too.
    """
    name = _without_value(name)
    known = list(dict.fromkeys(optimizers))
    of_each = [(one, alias) for one in known for alias in _aliases(one)]
    # Hugging Face's "adam_beta1" is of "adamw_torch".
    families = [(one, "adam") for one in known if re.search(r"(^|[\W_])adamw?($|[\W_])", one, re.I)]
    for aliases in (of_each, families):
        found = [
            ((is_hyperparameter(called), len(alias)), optimizer, called)
            for optimizer, alias in aliases
            for rest, in_folder in _without(alias, name)
            if not _is_of_optimizer(rest)
            if (called := _called(rest, is_owned=True))
            if is_hyperparameter(called)
            or (not is_hyperparameter(alias) and (in_folder or _is_argument(called)))
        ]
        if found:
            best, _, called = max(found, key=lambda one: one[0])
            owners = dict.fromkeys(one for rank, one, _ in found if rank == best)
            return tuple(owners), called
    return (), _called(name)


def is_owned(name: str, optimizers: Iterable[str]) -> bool:
    """Returns whether a setting's name says that it is one of an optimizer, of one or of any."""
    return bool(whose(name, optimizers)[0]) or any(map(_is_of_optimizer, _folders(name)))


def is_foreign(name: str) -> bool:
    """Returns whether a setting is in a folder that is not one of all settings."""
    return not _is_of_all(_folders(name))


def column(name: str) -> str:
    """Returns the column of a setting, which is neither a result nor the end of a range."""
    taken = name in RESULTS or name.endswith(("_low", "_high"))
    return f"{name}_setting" if taken else name


def short(value: object) -> str:
    """A name without the modules that it is in: "Adam" of "torch.optim.Adam"; "" for None.

    It is also the name of a class or an optimizer that was written as text, as `str` does.
    """
    text = "" if value is None else str(value).strip()
    if written := re.match(
        r"<class '([\w.]+)'>$|([\w.]+) ?\(\s*(?:Parameter Group|lr *[:=])", text
    ):
        text = written[1] or written[2]
    return text.rpartition(".")[2] if re.fullmatch(r"([A-Za-z_]\w*\.)+[A-Za-z_]\w*", text) else text


def _called(name: str, *, is_owned: bool = False) -> str:
    """The name of a setting's column: without folders that do not count."""
    *folders, last = re.split(r"[./:]", name)
    bare = re.sub(rf"^(?:{_OPTIMIZER})[_-](?=.)", "", last, flags=re.IGNORECASE)
    last = bare if is_hyperparameter(bare) else last
    own = is_owned or any(map(_is_of_optimizer, folders))
    is_rate = searched_name(last, None) == "eta0" and not is_ambiguous(last)
    known = is_hyperparameter(last) and (is_rate or _is_of_all(folders))
    return last if own or known else name


def is_ambiguous(name: str) -> bool:
    """Returns whether a name is a learning rate's only where nothing else is."""
    return name.lower() in ("alpha", "eta")


def _is_argument(name: str) -> bool:
    return re.sub("[_-]", "", name.lower()) in _OTHER_ARGUMENTS


def _folders(name: str) -> list[str]:
    return re.split(r"[./:]", _without_value(name))[:-1]


def _without_value(name: str) -> str:
    """The name of a setting that its tool keeps as "lr.value"."""
    return re.sub(r"(?<=.)[./:]value$", "", name, flags=re.IGNORECASE)


def _is_of_optimizer(folder: str) -> bool:
    return bool(re.fullmatch(_OPTIMIZER, folder, re.IGNORECASE))


def _is_of_all(folders: Sequence[str]) -> bool:
    return not folders or folders[-1].lower() in _FOLDERS


def _aliases(optimizer: str) -> Iterator[str]:
    for one in dict.fromkeys((optimizer.lower(), short(optimizer).lower())):
        yield one
        if (rest := one.removesuffix("optimizer").strip("_- ")) not in ("", one):
            yield rest


def _without(alias: str, name: str) -> Iterator[tuple[str, bool]]:
    """What is left of a name without an optimizer's, and whether it is in a folder of it."""
    own = re.escape(alias)
    if match := re.fullmatch(rf"(?:.*[./:])?{own}({_APART}+)(.+)", name, re.IGNORECASE):
        yield match[2], bool(re.search("[./:]", match[1]))
    if match := re.fullmatch(rf"(.+?){_APART}+{own}", name, re.IGNORECASE):
        yield match[1], False
