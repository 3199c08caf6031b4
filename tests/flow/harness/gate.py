"""The program under test, with a config dir of its own."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import signal
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from . import htpasswd
from .ports import free_port
from .process import Process, run
from .rawhttp import Address, Connection, Response, basic
from .registry import STORAGES

ROOT = Path(__file__).resolve().parents[3]
Record = dict[str, Any]

# What a sanitizer, the C library or the C++ runtime prints when something is broken.
_BROKEN = re.compile(
    r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error: |Assertion .* failed"
    r"|terminate called|\*\*\* .* detected|double free|libc\+\+abi"
)
_SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "second_deadlock_stack=1:history_size=4",
}


@functools.cache
def program() -> Path:
    """The binary: $LAYERGATE_BIN, or what the ci or dev preset built."""
    given = os.environ.get("LAYERGATE_BIN")
    candidates = [Path(given)] if given else [
        ROOT / "build" / preset / "cli" / "layergate" for preset in ("ci", "dev")
    ]
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    raise AssertionError(f"no program: set LAYERGATE_BIN or build one of {candidates}")


@functools.cache
def is_sanitized() -> bool:
    """Whether the program carries a sanitizer, whose memory and speed say nothing of ours."""
    data = program().read_bytes()
    return b"__asan_init" in data or b"__tsan_init" in data


# Storages that a gate writes to: there can be one for each.
_written: set[str] = set()


def upstream_section(url: str, over: Mapping[str, Any]) -> dict[str, Any]:
    """`upstream:` of layergate.yml. With LAYERGATE_STORAGE=off or =first, which is what
    storage_verify becomes, a real registry's blobs are read from its files; with =write they are
    written there too, by the first gate that is made for it."""
    section: dict[str, Any] = {"url": url}
    mode = os.environ.get("LAYERGATE_STORAGE")
    if mode and url in STORAGES:
        storage = str(STORAGES[url])
        section |= {"storage": storage}
        if mode != "write":
            section["storage_verify"] = mode
        elif over.get("storage", storage) == storage and over.get("exclusive", True):
            if storage not in _written and "storage_mode" not in over:
                section["storage_mode"] = "write"
                _written.add(storage)
    return section


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid on top, map by map."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        both_maps = isinstance(value, Mapping) and isinstance(below, Mapping)
        result[key] = merged(below, value) if both_maps else value
    return result


class Gate:
    """`layergate serve` on free ports.

    policy    the text of acl.yml
    passwords what htpasswd holds, in clear
    settings  laid over the layergate.yml that this makes
    listen    further keys of the one `listen:` entry
    prefix    words of a command that ends by executing what follows
    """

    def __init__(
        self,
        root: Path,
        upstream: str,
        policy: str,
        passwords: Mapping[str, str],
        *,
        settings: Mapping[str, Any] | None = None,
        listen: Mapping[str, Any] | None = None,
        namespace: Path | None = None,
        port: int | None = None,
        prefix: Sequence[str | Path] = (),
        start: bool = True,
    ) -> None:
        self.root, self.config, self.state = root, root / "conf", root / "state"
        self.config.mkdir(parents=True)
        self.namespace, self.prefix = namespace, prefix
        self.address: Address = ("127.0.0.1", port or free_port())
        self.admin: Address = ("127.0.0.1", free_port())
        self.passwords = dict(passwords)
        ours = {
            "listen": [{"address": "%s:%d" % self.address, **(listen or {})}],
            "admin": {"address": "%s:%d" % self.admin},
            "upstream": upstream_section(upstream, (settings or {}).get("upstream", {})),
            "auth": {"realm": "Layergate", "htpasswd": "htpasswd"},
            "acl": "acl.yml",
            "state": str(self.state),
            "workers": 2,
        }
        whole = merged(ours, settings or {})
        self._writes_to = whole["upstream"].get("storage_mode") and whole["upstream"].get("storage")
        (self.config / "layergate.yml").write_text(yaml.safe_dump(whole, sort_keys=False))
        self.policy_file.write_text(policy)
        self.write_passwords(passwords)
        self.process: Process | None = None
        self.tls: ssl.SSLContext | None = None  # by which connect() speaks to it
        if start:
            self.start()

    # The config dir

    @property
    def policy_file(self) -> Path:
        return self.config / "acl.yml"

    def write_passwords(self, passwords: Mapping[str, str]) -> None:
        """Replaces htpasswd by a rename, as careful tools do."""
        self.passwords = dict(passwords)
        self.replace(self.config / "htpasswd", htpasswd.text(passwords))

    def write_policy(self, text: str) -> None:
        self.replace(self.policy_file, text)

    @staticmethod
    def replace(file: Path, text: str) -> None:
        """Writes beside `file` and renames over it: no reader sees a half."""
        # A leading dot: the program ignores such names, in acl.d too.
        beside = file.with_name(f".{file.name}.new")
        beside.write_text(text)
        beside.rename(file)

    def run_verb(self, *arguments: str, stdin: bytes = b"", check: bool = True) -> Any:
        """One of the program's other verbs on the same config dir."""
        verb = [program(), *arguments, "--config-dir", self.config]
        return run(*verb, stdin=stdin, check=check, namespace=self.namespace)

    # The process

    def start(self, timeout: float = 30.0) -> None:
        """Starts it and waits until /readyz says 200."""
        self.launch()
        assert self.process is not None
        self.process.wait_until(self.is_ready, timeout, "readiness")

    def launch(self) -> None:
        """Starts it without waiting."""
        self.process = Process(
            [*self.prefix, program(), "serve", "--config-dir", self.config],
            self.root / "gate.log",
            environment=_SANITIZERS,
            namespace=self.namespace,
        )

    def is_ready(self) -> bool:
        try:
            return self.ask_admin("/readyz").status == 200
        except OSError:
            return False

    def wait_for_index(self, timeout: float = 10.0) -> None:
        """Until all that the registry holds is known. Before, what is unknown is asked for."""
        assert self.process is not None
        self.process.wait_until(
            lambda: self.metrics()["layergate_index_complete"] == 1, timeout, "a complete index")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def log_text(self) -> str:
        file = self.root / "gate.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self, timeout: float = 20.0) -> None:
        """Ends it in order. A crash, a report in its log or a refusal to end fails the test."""
        if self.process is None:
            return
        process, self.process = self.process, None
        code = process.stop(timeout)
        broken = _BROKEN.search(self.log_text())
        if broken:
            raise AssertionError(f"the program is broken:\n{self.log_text()[broken.start():][:8000]}")
        if code != 0:
            raise AssertionError(f"the program ended with {code}:\n{self.log_text()[-4000:]}")

    def memory_kib(self, key: str) -> int:
        """A line of /proc/PID/status in KiB: VmRSS (now) or VmHWM (the most so far)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        match = re.search(rf"^{key}:\s+(\d+) kB$", status, re.MULTILINE)
        assert match, f"no {key}"
        return int(match[1])

    @contextlib.contextmanager
    def traced(self, output: Path, *options: str) -> Iterator[None]:
        """Runs strace on all its threads meanwhile; `output` is complete afterwards."""
        log = output.with_suffix(".log")
        tracer = Process(["strace", "-f", *options, "-o", output, "-p", str(self.pid)], log)
        try:
            tracer.wait_until(lambda: "attached" in tracer.log_text(), 10, "attachment")
            yield
        finally:
            tracer.send(signal.SIGINT)
            tracer.wait(20)

    # Asking

    def connect(self, **options: Any) -> Connection:
        return Connection(self.address, namespace=self.namespace, **{"tls": self.tls, **options})

    def ask(
        self,
        method: str,
        target: str,
        *,
        user: str | None = None,
        password: str | None = None,
        fields: list[tuple[str, str]] | None = None,
        body: bytes = b"",
        source: str | None = None,
        timeout: float = 10.0,
    ) -> Response:
        """One request on a connection of its own, with the user's right password unless another is
        given."""
        sent = list(fields or [])
        if user is not None:
            sent.append(self.credential(user, password))
        with self.connect(source=source, timeout=timeout) as connection:
            return connection.request(method, target, sent, body)

    def credential(self, user: str, password: str | None = None) -> tuple[str, str]:
        return basic(user, self.passwords[user] if password is None else password)

    def ask_admin(
        self,
        target: str,
        method: str = "GET",
        fields: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        host: str | None = None,
        source: str | None = None,
        timeout: float = 10.0,
    ) -> Response:
        """One request of the admin port, by its address unless another Host is given."""
        with Connection(self.admin, namespace=self.namespace, source=source, timeout=timeout) as connection:
            return connection.request(method, target, fields, body, host or "%s:%d" % self.admin)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str | None = None,
        password: str | None = None,
        fields: Sequence[tuple[str, str]] = (),
        **options: Any,
    ) -> Response:
        """A call of /api/v1, with a JSON body if there is one, as a program makes it."""
        sent = [*fields]
        if user is not None:
            sent.append(self.credential(user, password))
        if method not in ("GET", "HEAD"):
            sent.append(("X-Layergate-Request", "1"))
        if body is not None:
            sent.append(("Content-Type", "application/json"))
        text = b"" if body is None else json.dumps(body).encode()
        return self.ask_admin("/api/v1" + path, method, sent, text, **options)

    def metrics(self) -> dict[str, float]:
        """The samples of /metrics, each under its name with its labels as written."""
        text = self.ask_admin("/metrics").body.decode()
        samples = (line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")
        return {name: float(value) for name, value in samples}

    # The access records

    def records(self) -> list[Record]:
        """All whole lines of the access log so far."""
        file = self.state / "access.log"
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_bytes().splitlines(keepends=True)
                if line.endswith(b"\n")]

    def wait_record(self, matches: Callable[[Record], bool], timeout: float = 5.0) -> Record:
        """The last matching record; they are written off the event loops, so a little later."""
        deadline = time.monotonic() + timeout
        while True:
            found = [record for record in self.records() if matches(record)]
            if found:
                return found[-1]
            assert time.monotonic() < deadline, f"no such record in {self.records()[-5:]}"
            time.sleep(0.05)

    def __enter__(self) -> "Gate":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            _written.discard(self._writes_to)
