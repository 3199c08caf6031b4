"""Child processes that can't outlive the test run, with their output in a file."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_CLONE_NEWNET = 0x40000000


def die_with_parent() -> None:
    """Has the kernel kill this process when the thread that started it ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def join_network(namespace: Path) -> None:
    """Moves the calling thread into a network namespace, as `nsenter --net=` does.

    Not `ip netns exec`: that mounts a fresh /sys in which dockerd finds no cgroups.
    """
    fd = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _LIBC.setns(fd, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    finally:
        os.close(fd)


def prepare_child(namespace: Path | None = None) -> Callable[[], None]:
    """A preexec_fn for subprocess: die with the parent, and join `namespace` if there is one."""

    def prepare() -> None:
        die_with_parent()
        if namespace is not None:
            join_network(namespace)

    return prepare


class Process:
    """A server in the background; its standard output and error go to `log`."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        namespace: Path | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.log = log
        self.name = Path(arguments[0]).name
        with log.open("ab") as output:
            # A session of its own, so that a Ctrl-C at the terminal reaches pytest alone and the
            # finalizers decide in which order things end.
            self._child = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=cwd,
                start_new_session=True,
                preexec_fn=prepare_child(namespace),
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """The exit code (negative: the signal), or None while it runs."""
        return self._child.poll()

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: no end in order."""
        self._child.kill()
        self._child.wait()

    def wait(self, timeout: float) -> int:
        return self._child.wait(timeout)

    def stop(self, timeout: float = 15.0) -> int:
        """SIGTERM, then SIGKILL after `timeout` seconds; returns the exit code."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(timeout)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        return self._child.returncode

    def wait_until(self, ready: Callable[[], bool], timeout: float, what: str) -> None:
        """Waits until `ready()`; raises with the end of the log if the process ends before."""
        deadline = time.monotonic() + timeout
        while not ready():
            code = self.returncode
            if code is not None:
                raise AssertionError(f"{self.name} ended with {code} before {what}:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name}: no {what} in {timeout} s:\n{self._tail()}")
            time.sleep(0.02)

    def _tail(self) -> str:
        return self.log_text()[-4000:]

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def run(
    *arguments: str | Path,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    namespace: Path | None = None,
    cwd: Path | None = None,
    timeout: float = 120.0,
    check: bool = True,
) -> subprocess.CompletedProcess[bytes]:
    """Runs a command to its end. A failure that was not expected shows what it printed."""
    result = subprocess.run(
        [str(argument) for argument in arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        cwd=cwd,
        timeout=timeout,
        preexec_fn=prepare_child(namespace),
    )
    if check and result.returncode != 0:
        command = " ".join(str(argument) for argument in arguments)
        raise AssertionError(
            f"{command}: exit code {result.returncode}\n"
            f"{result.stdout.decode(errors='replace')}{result.stderr.decode(errors='replace')}"
        )
    return result
