"""Programs in the background: started, watched, stopped; and what CPU time they took."""

from __future__ import annotations

import ctypes
import http.client
import os
import shutil
import signal
import socket
import string
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
_SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
_TICKS = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class DidNotStart(RuntimeError):
    """A server ended, or did not answer in time; the text holds the end of its log."""


class _Template(string.Template):
    delimiter = "@"  # nginx has its own use for $


def fill(template: str, target: Path, **values: object) -> Path:
    """Writes peers/TEMPLATE with each @{name} replaced to `target`."""
    target.write_text(_Template((HERE / template).read_text()).substitute(values))
    return target


def find(program: str) -> str | None:
    """The path of an installed program; servers are in sbin, which a user's PATH may lack."""
    return shutil.which(program, path=_SEARCH)


def compile_c(source: str, target: Path, *libraries: str) -> Path:
    """peers/SOURCE as a program at `target`."""
    done = subprocess.run(["cc", "-O2", "-o", target, HERE / source, "-pthread", *libraries],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"cc {source}:\n{done.stderr}")
    return target


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_with_parent(number: int) -> None:
    """For preexec_fn: the kernel sends the signal when this script ends, however it ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, number)


def _clock_of(pid: int) -> int:
    """The clock of a process's CPU time: clock_getcpuclockid(3), which Python does not have."""
    return ~pid << 3 | 2


def group_cpu(group: int) -> float:
    """User and system seconds of all processes of a process group, ended children included.

    Of the processes to the nanosecond; of ended children in the ticks of stat.
    """
    seconds = 0.0
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path("/proc", entry, "stat").read_text()
            # proc(5): after the name, which may hold spaces, the fields from state (3) on.
            fields = stat[stat.rindex(")") + 2:].split()
            if int(fields[2]) != group:
                continue
            seconds += time.clock_gettime(_clock_of(int(entry)))
        except OSError:
            continue  # it ended meanwhile
        seconds += sum(int(field) for field in fields[13:15]) / _TICKS
    return seconds


class Server:
    """One program in a process group of its own, which ends with the benchmark."""

    def __init__(self, name: str, command: Sequence[str | Path], directory: Path,
                 environment: Mapping[str, str] | None = None) -> None:
        self.name, self._log = name, directory / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env={**os.environ, **(environment or {})},
                preexec_fn=lambda: end_with_parent(signal.SIGTERM))

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu(self) -> float:
        return group_cpu(self.pid)

    def wait_ready(self, port: int | Path, target: str = "/v2/", timeout: float = 20.0) -> None:
        """Until an HTTP answer that is no 5xx comes from a loopback port or a unix socket."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if _status(port, target) < 500:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise DidNotStart(f"{self.name} did not start:\n{self.log_end()}")

    def log_end(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """By its own pid; the whole group by force if it does not end."""
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self._process.wait()


def _status(port: int | Path, target: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", 0 if isinstance(port, Path) else port,
                                            timeout=5)
    if isinstance(port, Path):
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(str(port))
        except OSError:
            connection.close()
            raise
    try:
        connection.request("GET", target)
        return connection.getresponse().status
    finally:
        connection.close()
