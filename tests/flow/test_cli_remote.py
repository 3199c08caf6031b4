"""The verbs on a remote gate: --api-url, where passwords come from, and what is said to failures."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conftest import GateMaker
from harness.gate import ROOT, Gate, program
from harness.ports import free_port
from harness.process import run
from harness.registry import Registry

POLICY = """\
version: 1
users:
  root:  {permissions: [admin]}
  alice: {permissions: [view, pull]}
rules: []
"""
PASSWORDS = {"root": "Root Passw0rd!", "alice": "Alice Passw0rd!"}


@pytest.fixture(scope="module")
def gate(make_module_gate: GateMaker, registry: Registry) -> Gate:
    return make_module_gate(registry.url, POLICY, PASSWORDS)


def whoami(
    url: str, home: Path, *words: str, form: str = "json", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    variables = {"HOME": str(home), "LAYERGATE_API_USER": "", "LAYERGATE_API_PASSWORD_FILE": "", **environment}
    return run(program(), "whoami", "--api-url", url, "--format", form, *words, environment=variables, check=False)


def url_of(gate: Gate) -> str:
    return "http://%s:%d" % gate.admin


def password_file(directory: Path, text: str) -> str:
    file = directory / "password"
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize("text", ["Root Passw0rd!", "Root Passw0rd!\n", "Root Passw0rd!\r\nignored\n"])
def test_the_password_is_the_first_line_of_a_file(gate: Gate, tmp_path: Path, text: str) -> None:
    result = whoami(url_of(gate) + "/", tmp_path, "--api-user", "root",
                    LAYERGATE_API_PASSWORD_FILE=password_file(tmp_path, text))
    assert result.returncode == 0, result
    assert json.loads(result.stdout) == {"account": "root", "admin": True}


def test_the_password_is_in_netrc(gate: Gate, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login alice password \"Alice Passw0rd!\"\n")
    netrc.chmod(0o600)
    for user in ({}, {"LAYERGATE_API_USER": "alice"}):
        result = whoami(url_of(gate), tmp_path, **user)
        assert result.returncode == 0, result
        assert json.loads(result.stdout)["account"] == "alice"


def test_without_a_password_or_with_a_wrong_one(gate: Gate, tmp_path: Path) -> None:
    wrong = password_file(tmp_path, "Wrong Passw0rd!\n")
    for result in (whoami(url_of(gate), tmp_path), whoami(url_of(gate), tmp_path, "--api-user", "root"),
                   whoami(url_of(gate), tmp_path, "--api-user", "root", LAYERGATE_API_PASSWORD_FILE=wrong)):
        assert result.returncode == 1 and result.stdout == b"", result
        assert result.stderr.startswith(b"error: ")


@pytest.mark.parametrize("url", [
    "gate:8080x", "ftp://gate", "http://", "http://user:secret@gate:8080", "http://gate/?a=b", "http://gate/#x", "/tmp/x",
])
def test_urls_that_are_none(tmp_path: Path, url: str) -> None:
    result = whoami(url, tmp_path)
    assert result.returncode == 2, result
    assert b"--api-url" in result.stderr


@pytest.mark.parametrize("text", ["", "\n", None])
def test_password_files_that_are_none(gate: Gate, tmp_path: Path, text: str | None) -> None:
    file = str(tmp_path / "nothing") if text is None else password_file(tmp_path, text)
    result = whoami(url_of(gate), tmp_path, "--api-user", "root", LAYERGATE_API_PASSWORD_FILE=file)
    assert result.returncode == (4 if text is None else 2) and file.encode() in result.stderr, result
    result = whoami(url_of(gate), tmp_path, LAYERGATE_API_PASSWORD_FILE=password_file(tmp_path, "x"))
    assert result.returncode == 2 and b"--api-user" in result.stderr, result


def test_nobody_listens(tmp_path: Path) -> None:
    result = whoami(f"http://127.0.0.1:{free_port()}", tmp_path)
    assert result.returncode == 4 and b"is layergate serve running" in result.stderr, result


class Strange(BaseHTTPRequestHandler):
    """Answers as /api/v1 does not."""

    def do_GET(self) -> None:
        what = self.path.removesuffix("/api/v1/me")
        if what == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
        else:
            self.send_response(404 if what == "/page" else 200)
        body = {
            "/page": b"<html>not found</html>", "/cut": b'{"account": ', "/redirect": b"{}",
            "/evil": b'{"account": "\\u001b[2J\xc2\x9b31m", "admin": false}',
        }.get(what, b'{"account": "carol", "admin": false}')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def strange() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Strange)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("what", ["page", "cut", "redirect"])
def test_what_is_no_gate(strange: ThreadingHTTPServer, tmp_path: Path, what: str) -> None:
    result = whoami(f"http://127.0.0.1:{strange.server_port}/{what}", tmp_path)
    assert result.returncode == 4 and b"not as a gate does" in result.stderr, result


@pytest.mark.parametrize("form", ["table", "json", "yaml"])
def test_a_gate_cannot_drive_the_terminal(strange: ThreadingHTTPServer, tmp_path: Path, form: str) -> None:
    result = whoami(f"http://127.0.0.1:{strange.server_port}/evil", tmp_path, form=form)
    assert result.returncode == 0, result
    assert b"\x1b" not in result.stdout and b"\xc2\x9b" not in result.stdout
    assert b"[2J" in result.stdout, "but what it said is shown"


def test_certificates_are_checked(strange: ThreadingHTTPServer, tmp_path: Path) -> None:
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
        "-addext", "subjectAltName=DNS:localhost", "-keyout", tmp_path / "key", "-out", tmp_path / "crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    strange.socket = context.wrap_socket(strange.socket, server_side=True)
    url = f"https://localhost:{strange.server_port}"
    refused = whoami(url, tmp_path)
    assert refused.returncode == 4 and b"certificate" in refused.stderr, refused
    ca = str(tmp_path / "crt")
    trusted = whoami(url, tmp_path, "--api-ca", ca)
    assert trusted.returncode == 0 and json.loads(trusted.stdout)["account"] == "carol", trusted
    other_name = whoami(url.replace("localhost", "127.0.0.1"), tmp_path, LAYERGATE_API_CA=ca)
    assert other_name.returncode == 4, other_name


def test_formats_on_the_files(gate: Gate) -> None:
    assert json.loads(gate.run_verb("whoami", "--format", "json").stdout) == {"account": None, "admin": True}
    assert gate.run_verb("--format", "yaml", "whoami").stdout == b"account: ~\nadmin: true\n"
    assert gate.run_verb("whoami").stdout == b"account:        -\nadministrator:  yes\n"
    assert gate.run_verb("whoami", "--format", "xml", check=False).returncode == 2


def test_output_that_cannot_be_written_is_an_error(gate: Gate) -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run([program(), "whoami", "--config-dir", gate.config], stdout=full, stderr=subprocess.PIPE,
                                check=False, env={**os.environ, "LAYERGATE_API_URL": ""})
    assert result.returncode == 4 and b"cannot be written" in result.stderr


# Completion


def completed(*words: str) -> list[str]:
    """What bash offers for the last of the words."""
    script = run(program(), "completion", "bash").stdout.decode()
    ask = f"""{script}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_layergate
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return run("bash", "-euc", ask, "bash", "layergate", *words).stdout.decode().split()


@pytest.mark.parametrize(("words", "offered"), [
    (["wh"], ["whoami"]),
    (["user", "a"], ["add"]),
    (["--format", "json", "user", "a"], ["add"]),
    (["--format", "y"], ["yaml"]),
    (["user", "add", "--perm"], ["--permissions"]),
    (["user", "add", "eve", "--form"], ["--format"]),
    (["user", "add", "eve", "--email", ""], []),
    (["completion", ""], ["bash", "zsh", "fish"]),
])
def test_bash_completes(words: list[str], offered: list[str]) -> None:
    found = completed(*words)
    assert set(offered) <= set(found) and (offered or not found), found
    if len(offered) == 1:
        assert found == offered


def test_the_scripts_are_well_formed() -> None:
    run("bash", "-n", stdin=run(program(), "completion", "bash").stdout)
    assert run(program(), "completion", "zsh").stdout.startswith(b"#compdef layergate\n")
    assert b"complete -c layergate" in run(program(), "completion", "fish").stdout
    page = run(program(), "man").stdout.decode()
    assert page.startswith(".TH LAYERGATE 1") and ".SS user add\n" in page


def test_every_verb_is_in_the_documents() -> None:
    verbs = re.findall(r"^\.SS (.+)$", run(program(), "man").stdout.decode(), re.MULTILINE)
    text = (ROOT / "docs" / "cli.md").read_text()
    assert len(verbs) > 20
    missing = [verb for verb in (verb.replace("\\-", "-") for verb in verbs) if f"`{verb}`" not in text]
    assert not missing
