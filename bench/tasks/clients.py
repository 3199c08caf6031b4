"""The programs that ask: curl, wrk, and what they say of their transfers."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from peers.peer import PASSWORD, USER, Peer
from peers.process import end_with_parent

CIPHER = "TLS_AES_128_GCM_SHA256"
CREDENTIAL = f"{USER}:{PASSWORD}"
AUTHORIZATION = "Authorization: Basic " + base64.b64encode(CREDENTIAL.encode()).decode()
# wrk cannot be told a cipher, but OpenSSL can.
_OPENSSL_CONF = f"""openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
MinProtocol = TLSv1.3
Ciphersuites = {CIPHER}
"""


class Failed(RuntimeError):
    """A client did not get what it asked for."""


class Curl:
    """One curl. It prints a line for each transfer: status, bytes in, bytes out, seconds.

    Each is a line of its own even where curl shows its progress, which it does with -Z.
    """

    def __init__(self, *words: str | Path, config: str = "", ca: Path | None = None) -> None:
        command = ["curl", "-sS", "--max-time", "900", "-u", CREDENTIAL, "-w",
                   "%{stderr}\\n%{http_code} %{size_download} %{size_upload} %{time_total}\\n"]
        if ca:
            command += ["--cacert", str(ca), "--tlsv1.3", "--tls13-ciphers", CIPHER]
        if config:
            command += ["-K", "-"]
        self.process = subprocess.Popen(
            [*command, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=lambda: end_with_parent(signal.SIGKILL))
        assert self.process.stdin
        self.process.stdin.write(config.encode())
        self.process.stdin.close()
        self.process.stdin = None

    def lines(self, status: int) -> list[tuple[int, int, float]]:
        """Waits; bytes in, bytes out and seconds of each transfer, all of which had `status`."""
        out, err = self.process.communicate()
        text = err.decode(errors="replace")
        found = re.findall(r"^(\d+) (\d+) (\d+) ([\d.]+)$", text, re.MULTILINE)
        if self.process.returncode != 0 or not found or {line[0] for line in found} != {str(status)}:
            raise Failed(f"curl: exit code {self.process.returncode}: {text[-500:]} "
                         f"{out[-500:].decode(errors='replace')}")
        return [(int(line[1]), int(line[2]), float(line[3])) for line in found]

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def to_null(url: str, times: int) -> str:
    """curl's configuration for fetching one address several times over one connection."""
    return f'url = "{url}"\noutput = "/dev/null"\n' * times


@contextmanager
def several(curls: Sequence[Curl]) -> Iterator[Sequence[Curl]]:
    """Kills what still runs at the end, so that a failure leaves no client behind."""
    try:
        yield curls
    finally:
        for curl in curls:
            curl.kill()


def ask(*words: str | Path) -> str:
    """The standard output of a client that has to succeed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300,
                          preexec_fn=lambda: end_with_parent(signal.SIGKILL))
    if done.returncode != 0:
        raise Failed(f"{Path(words[0]).name}: exit code {done.returncode}: "
                     f"{(done.stderr + done.stdout)[-800:]}")
    return done.stdout


def log_in(peer: Peer) -> None:
    """Asks for /v2/ with the password, as each docker command does first."""
    status = ask("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-u", CREDENTIAL, f"{peer.url()}/v2/")
    if status == "401":
        raise Failed(f"{peer.name} refuses the password")


class Wrk:
    """One run of wrk: requests, bytes, seconds, p99."""

    def __init__(self, peer: Peer, path: str, connections: int, seconds: int, directory: Path,
                 fields: Sequence[str] = (), tls: bool = False) -> None:
        fields = [*fields, *([AUTHORIZATION] if peer.login else [])]
        words = ["wrk", f"-t{min(2, connections)}", f"-c{connections}", f"-d{seconds}s",
                 "--latency", "--timeout", "20s"]
        for field in fields:
            words += ["-H", field]
        openssl = directory / "openssl.cnf"
        openssl.write_text(_OPENSSL_CONF)
        # A session of its own, as each server has: the kernel shares the cores between sessions
        # (sched_autogroup), and beside eight curls in one it would measure its own wait for them.
        done = subprocess.run([*words, peer.url(tls) + path], capture_output=True, text=True,
                              timeout=seconds + 60, env={**os.environ, "OPENSSL_CONF": str(openssl)},
                              preexec_fn=lambda: end_with_parent(signal.SIGKILL),
                              start_new_session=True)
        text = done.stdout
        count = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m), ([\d.]+)([KMGT]?)B read", text)
        p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", text)
        if done.returncode != 0 or not count or not p99 or int(count[1]) == 0 \
                or "Non-2xx" in text or "Socket errors" in text:
            raise Failed(f"wrk: {text}{done.stderr}")
        self.requests = int(count[1])
        self.seconds = float(count[2]) * {"ms": 1e-3, "s": 1.0, "m": 60.0}[count[3]]
        self.bytes = float(count[4]) * 1024 ** "KMGT".find(count[5] or "-") * 1024
        if not count[5]:
            self.bytes = float(count[4])
        self.p99_ms = float(p99[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[p99[2]]
