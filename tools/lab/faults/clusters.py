"""A Ray cluster of two nodes on this machine, each in a network of its own, and what breaks it."""

import functools
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tfoptcmp.tools.common import cluster
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.lab.faults import fake
from tfoptcmp.tuners.executors import OfPool, RunOf
from tfoptcmp.tuners.run_study import run_study

from tfoptcmp.signatures import Signature
from tfoptcmp.study.schema import Measurement, Status
from tfoptcmp.study.trial import Outcome, TrialTask

_ADDRESSES = ("10.77.0.1", "10.77.0.2")
_PORT = 6379
_NUM_WORKERS = 5  # of which two have a processor at a time
_SECONDS = 3.0  # of a trial
_PATIENCE_SECONDS = 300.0
_SHARED_MEMORY = "64m"
_HOARD_BYTES = 2 * 10**9
# The head notices within seconds that a node is cut off, not within a minute; workers do not wait
# for all other processes of the machine.
_QUICK = {
    "RAY_worker_niceness": "0",
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}


def nodes() -> str:
    """Kills a driver, nodes and a worker, and cuts a node off, each during trials; needs root.

    There are more workers than processors, and little shared memory.

    Raises:
        AssertionError: If a study does not go on to the results of an undisturbed one.
    """
    names = f"faults-{os.getpid()}-head", f"faults-{os.getpid()}-other"
    with tempfile.TemporaryDirectory(prefix="faults-") as parent:
        try:
            try:
                _make_networks(names)
            except PermissionError:
                return "not run: no permission to make networks"
            return _break(Path(parent), names)
        finally:
            _remove_networks(names)


def _break(parent: Path, networks: tuple[str, str]) -> str:
    head, other = networks
    environment = os.environ | _QUICK | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}
    environment["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    start = functools.partial(_start_node, parent, environment)
    as_head = ["--head", f"--port={_PORT}", f"--temp-dir={parent}", "--include-dashboard=false"]
    start_head = functools.partial(start, head, *as_head, address=_ADDRESSES[0])
    start_head()
    start_other = functools.partial(
        start, other, f"--address={_ADDRESSES[0]}:{_PORT}", address=_ADDRESSES[1]
    )
    start_other()

    study = _Study(parent / "driver", head, environment)
    with study.running() as driver:
        study.wait_for_trials(2)
        driver.kill()
        killed = time.monotonic()
        _wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in study.pids()))
        seconds = time.monotonic() - killed
    study.ends_as_undisturbed()

    study = _Study(parent / "removed", head, environment)
    with study.running():
        study.wait_for_trials(1, _ADDRESSES[1])
        _kill_all(other)
        study.ends_as_undisturbed()
    assert study.num_redone() >= 1, "no trial was lost with the node"

    start_other()
    study = _Study(parent / "cut", head, environment)
    with study.running():
        study.wait_for_trials(1, _ADDRESSES[1])
        _ip("-n", head, "link", "set", "veth", "down")
        study.ends_as_undisturbed()
    assert study.num_redone() >= 1, "no trial was lost with the node"
    _kill_all(other)
    _ip("-n", head, "link", "set", "veth", "up")

    start_other(
        RAY_memory_usage_threshold=str(_used_memory(_HOARD_BYTES / 2)),
        RAY_memory_monitor_refresh_ms="100",
    )
    study = _Study(parent / "memory", head, environment)
    with study.running(hoarding=True):
        study.ends_as_undisturbed()
    assert study.num_redone() == 1, "nothing was killed for its memory"

    study = _Study(parent / "head", head, environment)
    with study.running() as driver:
        study.wait_for_trials(2)
        for network in networks:
            _kill_all(network)
        driver.wait(_PATIENCE_SECONDS)
    start_head()
    start_other()
    study.ends_as_undisturbed()

    study = _Study(parent / "token", head, environment | {"RAY_AUTH_TOKEN": secrets.token_hex(32)})
    with study.running() as driver:
        assert driver.wait() == 1
    told = study.log.read_text(encoding="utf-8")
    assert "UserError: --ray_address=" in told
    assert "nobody answers" not in told
    return (
        f"{_NUM_WORKERS} workers on 2 nodes with a processor and {_SHARED_MEMORY} of shared memory "
        f"each: driver killed (its workers ended in {seconds:.1f} s), node removed, node cut off, "
        "worker killed for its memory, head killed and another started: equal results; another "
        "token refused"
    )


class _Study:
    """A study on the cluster, run by a process in the head's network."""

    def __init__(self, directory: Path, network: str, environment: dict[str, str]) -> None:
        directory.mkdir()
        self.log = directory / "log"
        self._directory = directory / "study"
        self._notes = directory / "notes"
        self._notes.mkdir()
        self._network = network
        self._environment = environment
        self._driver: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self, hoarding: bool = False) -> Iterator[subprocess.Popen[bytes]]:
        """Runs or resumes it meanwhile.

        Args:
            hoarding: Whether the first trial on the second node takes memory until it is killed.
        """
        arguments = [str(self._directory), str(self._notes), hoarding]
        code = f"from {__name__} import drive; drive(*{arguments})"
        with open(self.log, "wb") as log:
            self._driver = subprocess.Popen(
                ["ip", "netns", "exec", self._network, sys.executable, "-c", code],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        try:
            yield self._driver
        finally:
            self._driver.kill()
            self._driver.wait()
            self._driver = None

    def wait_for_trials(self, number: int, address: str = "") -> None:
        """Waits until so many attempts at trials have begun on a node, or on any."""
        _wait(lambda: len(list(self._notes.glob(f"* {address}*"))) >= number, self._alive)

    def pids(self) -> list[int]:
        """Returns the processes of all attempts so far."""
        return [int(path.name.split()[-1]) for path in self._notes.iterdir()]

    def num_redone(self) -> int:
        """Returns the number of attempts beyond the first of each trial."""
        return len(self.pids()) - len({path.name.split()[0] for path in self._notes.iterdir()})

    def ends_as_undisturbed(self) -> None:
        """Waits for its end, after resuming it if it does not run, and compares the trials."""
        if self._driver is None:
            with self.running():
                self.ends_as_undisturbed()
            return
        code = self._driver.wait(_PATIENCE_SECONDS)
        assert code == 0, self.log.read_text(encoding="utf-8")
        assert fake.contents(self._directory) == fake.undisturbed()
        print(f"{self._directory.parent.name}: equal results", file=sys.stderr, flush=True)

    def _alive(self) -> None:
        assert self._driver
        assert self._driver.poll() is None, self.log.read_text(encoding="utf-8")


def drive(directory: str, notes: str, hoarding: bool) -> None:
    """Runs or resumes the study, in a process in the head's network."""
    with cluster.connected(f"{_ADDRESSES[0]}:{_PORT}"):
        from tfoptcmp.tuners.ray_pool import RayPool  # not before `connected`

        make_run = functools.partial(_make_run, Path(notes), hoarding)
        with RayPool(make_run, num_workers=_NUM_WORKERS, threads_per_trial=1) as pool:
            run_study(
                directory=Path(directory),
                config=fake.config(),
                signature=fake.signature(),
                executor=OfPool(pool, fake.signature()),
                clock=CLOCK,
                max_retries=1,
            )


def _make_run(notes: Path, hoarding: bool, should_stop: Callable[[], bool]) -> RunOf:
    import ray  # not before `connected`

    address = ray.util.get_node_ip_address()

    def trial(
        signature: Signature, task: TrialTask, on_measurement: Callable[[Measurement], None]
    ) -> Outcome:
        first = not list(notes.glob(f"* {_ADDRESSES[1]} *"))
        (notes / f"{task.index} {address} {os.getpid()}").touch()
        if hoarding and first and address == _ADDRESSES[1]:
            hoard: list[bytes] = []
            while len(hoard) < _HOARD_BYTES / 10**8:
                hoard.append(b"1" * 10**8)
                time.sleep(0.2)
        for step in fake.STEPS:
            time.sleep(_SECONDS / len(fake.STEPS))
            on_measurement(fake.measurement(task, step))
        return Outcome(status=Status.COMPLETE, steps=fake.STEPS[-1])

    return trial


def _make_networks(names: tuple[str, str]) -> None:
    """Makes two connected network namespaces.

    Raises:
        PermissionError: If that is not allowed, or the program ip is not there.
    """
    ends = [["name", "veth", "netns", name] for name in names]
    try:
        for name in names:
            _ip("netns", "add", name)
        _ip("link", "add", *ends[0], "type", "veth", "peer", *ends[1])
        for name, address in zip(names, _ADDRESSES, strict=True):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "veth")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", "veth", "up")
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise PermissionError("no networks") from error


def _remove_networks(names: tuple[str, str]) -> None:
    """Kills all that runs in them, too."""
    for name in names:
        if Path("/run/netns", name).exists():
            _kill_all(name)
            _ip("netns", "delete", name)


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def _start_node(
    parent: Path, environment: dict[str, str], network: str, *flags: str, address: str, **more: str
) -> None:
    """Starts a node with one processor and little shared memory, and waits until it runs."""
    log = parent / f"{network}.log"
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", f"--node-ip-address={address}"]
    ray += ["--num-cpus=1", "--disable-usage-stats", "--block", *flags]
    mount = f"mount -t tmpfs -o size={_SHARED_MEMORY} none /dev/shm"  # of this namespace alone
    inside = ["ip", "netns", "exec", network, "sh", "-c", f'{mount} && exec "$@"', "sh"]
    with open(log, "wb") as output:
        node = subprocess.Popen(
            [*inside, *ray], stdout=output, stderr=output, env=environment | more
        )

    def alive() -> None:
        assert node.poll() is None, log.read_text(encoding="utf-8")

    _wait(lambda: "Ray runtime started" in log.read_text(encoding="utf-8"), alive)


def _kill_all(network: str) -> None:
    for pid in _ip("netns", "pids", network).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue


def _used_memory(more: float) -> float:
    """The share of memory in use after some bytes more."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return 1 - (kilobytes["MemAvailable"] - more / 1024) / kilobytes["MemTotal"]


def _wait(condition: Callable[[], bool], check: Callable[[], None] = lambda: None) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        check()
        assert time.monotonic() < end, "nothing happened for minutes"
        time.sleep(0.1)
