"""An installation by setup_registry.sh in directories of its own."""

from __future__ import annotations

import os
import pty
import pwd
import re
import select
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .gate import ROOT, program
from .ports import free_port
from .process import run
from .rawhttp import Connection, Response, basic

SCRIPT = ROOT / "setup_registry.sh"


def lives(pid: int) -> bool:
    """Whether a process runs. One that has ended keeps its number until its parent has asked, but
    no program."""
    try:
        return bool(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return False


@dataclass
class Result:
    status: int
    output: str  # standard output
    trouble: str  # standard error


class Installation:
    """What one --config-dir and --data-dir hold. Nothing is done until setup() is called.

    The directories stand in /tmp itself: pytest's own are closed to the service's account.
    """

    def __init__(self, account: str | None = None) -> None:
        """`account` runs the script instead of the caller, who is root then."""
        self.account = account
        self.root = Path(tempfile.mkdtemp(prefix="layergate-setup-"))
        self.root.chmod(0o755)
        if account:
            os.chown(self.root, pwd.getpwnam(account).pw_uid, -1)
        self.config, self.data = self.root / "config", self.root / "data"
        self.port, self.ui_port = free_port(), free_port()
        self.program = program()

    @property
    def places(self) -> list[str]:
        return ["--config-dir", str(self.config), "--data-dir", str(self.data)]

    @property
    def ports(self) -> list[str]:
        return ["--port", str(self.port), "--ui-port", str(self.ui_port)]

    def _command(self, options: Sequence[str]) -> list[str]:
        prefix = []
        if self.account:
            prefix = ["setpriv", f"--reuid={self.account}", "--regid=nogroup", "--clear-groups"]
        return [*prefix, str(SCRIPT), *self.places, *options]

    def script(self, *options: str) -> Result:
        """Runs the script on these directories with further options."""
        done = run(*self._command(options), check=False, timeout=180,
                   environment={"LAYERGATE_BIN": str(self.program)})
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def setup(self, *options: str) -> Result:
        """The first run, with free ports. It has to succeed."""
        result = self.script(*self.ports, *options)
        assert result.status == 0, result
        return result

    def on_terminal(self, answers: Sequence[str], *options: str) -> str:
        """Runs the script on a terminal, giving one answer at each prompt; returns all it showed."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ["LAYERGATE_BIN"] = str(self.program)
            os.execv(SCRIPT, [str(SCRIPT), *self.places, *self.ports, *options])
        shown, left, deadline = "", list(answers), time.monotonic() + 120
        asked = 0
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # EIO: the other side is closed
                break
            if not piece:
                break
            shown += piece.decode(errors="replace")
            if left and len(re.findall(r"(?:Password for .*|The same again): ", shown)) > asked:
                asked += 1
                # The shell prints a prompt before it turns the echo off.
                time.sleep(0.3)
                os.write(terminal, left.pop(0).encode() + b"\n")
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
        return shown

    # What it has made

    def pid(self, name: str) -> int:
        return int((self.data / "run" / f"{name}.pid").read_text())

    def password(self, name: str = "admin") -> str:
        return (self.config / f"{name}.password").read_text().strip()

    def ask(self, target: str, user: str | None = None, password: str = "") -> Response:
        with Connection(("127.0.0.1", self.port)) as connection:
            return connection.request("GET", target, [basic(user, password)] if user else [])

    def ask_ui(self, target: str = "/") -> Response:
        with Connection(("127.0.0.1", self.ui_port)) as connection:
            return connection.request("GET", target, [("Connection", "close")],
                                      host=f"127.0.0.1:{self.ui_port}")

    def remove(self) -> None:
        if (self.data / "run").is_dir():
            self.script("--stop")
        shutil.rmtree(self.root)
