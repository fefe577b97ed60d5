"""Commands that studies were made with, as far as they are to be given again."""

import shlex


def without_flags(command: str, *names: str) -> list[str]:
    """Returns the words of a command without some flags, quoted as a shell needs them.

    Args:
        command: As a shell takes it; a flag is `--name=value`, `--name value` or `--name`.
        names: Of the flags to leave out, without dashes.
    """
    kept, is_dropped = [], False
    for word in shlex.split(command):
        if word.startswith("-"):
            is_dropped = word.lstrip("-").partition("=")[0] in names
        if not is_dropped:
            kept.append(shlex.quote(word))
    return kept
