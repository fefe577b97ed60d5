"""Contestants, each in its own process, that are measured in turn.

One run starts all of them, lets each compile and warm up, and then asks one after the other for one
measurement, round after round, each round in a different order. So if the machine becomes slower,
it does so for all of them. Nothing of one contestant (threads, allocator, settings of a library)
affects another, except what it leaves in the caches: in a fixed order equal contestants differed by
7 %.
"""

import contextlib
import importlib
import multiprocessing
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One contestant, which is measured.

    Attributes:
        name: In the table.
        function: "module:name" of what runs in the child: it is called with a `Turns` and the
            arguments.
        arguments: Picklable.
        parts: What is measured in each round, one after the other; what it is called in the table
            comes after the contestant's name. One unnamed part if there is but one.
        may_fail: Whether the comparison continues without it if it fails.
        fresh: Whether every round has a process of its own, after the first with the number of the
            round as `seed`: what is slower the second time in a process is not measured then.
    """

    name: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ("",)
    may_fail: bool = False
    fresh: bool = False

    def called(self, part: str) -> str:
        """Returns the name in the table."""
        return f"{self.name} {part}".rstrip()


@dataclass(kw_only=True)
class Samples:
    """What a contestant measured.

    Attributes:
        values: One per round, in the unit of the comparison.
        facts: What it reported when it was ready, for the record.
        turns: What else it found in each round.
        error: Why it could not be measured; "" if it was.
    """

    values: list[float] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    turns: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""


class Turns:
    """The child's side.

    turns.ready({"parameters": 12})
    for part in turns:
        turns.done(measured(part))
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ready(self, facts: Mapping[str, Any]) -> None:
        """Says that compilation and warm-up are over; to be called once."""
        self._connection.send(("ready", dict(facts)))

    def __iter__(self) -> Iterator[str]:
        """Waits for the next turn, and gives the part to measure."""
        while (part := self._connection.recv()) is not None:
            yield part

    def done(self, value: float, found: Mapping[str, Any] | None = None) -> None:
        """Ends a turn with what it measured, and perhaps with what else it found."""
        self._connection.send(("done", (value, dict(found or {}))))


def alternate(
    contestants: Sequence[Contestant],
    rounds: int,
    *,
    warm_up: bool = True,
    method: str = "spawn",
) -> dict[str, Samples]:
    """Measures all contestants in turn.

    Args:
        contestants: In the order in which they start; a later one may need what an earlier one has
            written.
        rounds: Measurements of each.
        warm_up: Whether there is first a round that does not count.
        method: How their processes start; "fork" if they are to have the imports of this one, which
            has not used TensorFlow yet.

    Returns:
        Name in the table to samples: those of a part are together, in the order of contestants.

    Raises:
        RuntimeError: If one fails that must not; with the traceback of the child.
    """
    parts = list(dict.fromkeys(part for contestant in contestants for part in contestant.parts))
    order = [(part, c) for part in parts for c in contestants if part in c.parts]
    samples = {contestant.called(part): Samples() for part, contestant in order}
    shuffle = random.Random(0)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        children: dict[str, _Child] = {}
        for i, contestant in enumerate(contestants):
            say(f"starts {contestant.name}")
            child = _Child(contestant, directory / f"{i}.txt", method)
            stack.callback(child.end)
            facts, error = child.ready()
            if not error:
                children[contestant.name] = child
            for part in contestant.parts:
                samples[contestant.called(part)].facts = facts
                samples[contestant.called(part)].error = error
        for i in range(0 if warm_up else 1, rounds + 1):
            say(f"round {i} of {rounds}" if i else "warm-up")
            for part, contestant in shuffle.sample(order, len(order)):
                if contestant.name in children:
                    child = children[contestant.name]
                    if contestant.fresh and child.had_a_turn:
                        child.end()
                        child = children[contestant.name] = _Child(
                            _with_seed(contestant, i),
                            directory / f"{contestant.name}.txt",
                            method,
                        )
                        stack.callback(child.end)
                        child.ready()
                    value, found = child.turn(part)
                    if i:
                        samples[contestant.called(part)].values.append(value)
                        samples[contestant.called(part)].turns.append(found)
    return samples


def _with_seed(contestant: Contestant, seed: int) -> Contestant:
    return replace(contestant, arguments={**contestant.arguments, "seed": seed})


class _Child:
    """The parent's side of a contestant."""

    def __init__(self, contestant: Contestant, stderr: Path, method: str) -> None:
        context: Any = multiprocessing.get_context(method)
        self.had_a_turn = False
        self._stderr = stderr
        self._connection, other = context.Pipe()
        self._contestant = contestant
        self._process = context.Process(
            target=_run,
            args=(other, stderr, contestant.function, dict(contestant.arguments)),
        )
        self._process.start()
        other.close()

    def ready(self) -> tuple[dict[str, Any], str]:
        """Waits until it is ready; returns its facts, or why there are none."""
        try:
            return self._receive(), ""
        except RuntimeError as error:
            if not self._contestant.may_fail:
                raise
            say(f"{error}\n{self._contestant.name} is left out")
            return {}, str(error)

    def turn(self, part: str) -> tuple[float, dict[str, Any]]:
        self.had_a_turn = True
        self._connection.send(part)
        value, found = self._receive()
        return value, found

    def _receive(self) -> Any:
        try:
            kind, content = self._connection.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            kind, content = "error", f"died with exit code {code}"
        if kind == "error":
            written = self._stderr.read_text()[-2_000:]
            raise RuntimeError(f"{self._contestant.name} failed:\n{written}\n{content}")
        return content

    def end(self) -> None:
        """Ends the child, first with SIGTERM."""
        with contextlib.suppress(OSError):  # it is gone already
            self._connection.send(None)
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _run(connection: Connection, stderr: Path, function: str, arguments: dict[str, Any]) -> None:
    with open(stderr, "w") as file:  # what libraries print there matters if they fail
        os.dup2(file.fileno(), 2)
    module, _, name = function.partition(":")
    try:
        getattr(importlib.import_module(module), name)(Turns(connection), **arguments)
    except Exception:
        connection.send(("error", traceback.format_exc()))


_SECONDS = 0.1  # of a turn
_MAX_REPEATS = 5_000

Repeated = Callable[[int], None]
"""Does something this many times."""


def measure_all(turns: Turns, make: Callable[[str], Repeated], facts: Mapping[str, Any]) -> None:
    """Measures seconds per repeat of what `make` makes of each part.

    Args:
        turns: From the parent; each part is made, compiled and counted in the turn that does not
            count.
        make: From a part's name to what is repeated.
        facts: For the record.
    """
    repeated: dict[str, tuple[Repeated, int]] = {}
    turns.ready(facts)
    for part in turns:
        if part not in repeated:
            repeated[part] = _counted(make(part))
        function, count = repeated[part]
        turns.done(_seconds(function, count) / count)


def _counted(function: Repeated) -> tuple[Repeated, int]:
    """Returns it with the repeats of a turn, after a warm-up."""
    function(2)
    count = 2
    while (seconds := _seconds(function, count)) < _SECONDS / 8 and count < _MAX_REPEATS:
        count *= 4
    return function, max(1, min(_MAX_REPEATS, round(count * _SECONDS / seconds)))


def _seconds(function: Repeated, count: int) -> float:
    start = time.perf_counter()
    function(count)
    return time.perf_counter() - start


_START = time.monotonic()


def say(text: str) -> None:
    """Prints a line with the seconds since the start, on stderr."""
    print(f"[{time.monotonic() - _START:5.0f} s] {text}", file=sys.stderr, flush=True)
