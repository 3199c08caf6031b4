"""The verbs: what they say to mistakes, their exit codes, and that nothing is changed by a refused one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness import htpasswd
from harness.gate import program
from harness.process import run

POLICY = """\
version: 1
users:
  alice: {permissions: [view, pull, push, delete]}
  bob:   {permissions: [view, push]}
  root:  {permissions: [admin]}
rules:
  - {who: [alice, bob], images: ["**"], allow: [view, pull, push, delete]}
immutable: ["release/**"]
"""
DIGEST_TAG = "sha256-" + "a" * 64


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "conf"
    directory.mkdir()
    (directory / "layergate.yml").write_text("upstream: {url: http://127.0.0.1:1}\n")
    (directory / "acl.yml").write_text(POLICY)
    (directory / "htpasswd").write_text(htpasswd.text({name: f"{name} Passw0rd!" for name in ("alice", "bob", "root")}))
    return directory


def ask(config: Path, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run(program(), *words, "--config-dir", config, stdin=stdin, check=False, timeout=20)


def files(config: Path) -> dict[str, bytes]:
    return {str(file.relative_to(config)): file.read_bytes()
            for file in sorted(config.rglob("*")) if file.is_file() and not file.name.endswith(".lock")}


@pytest.mark.parametrize(("words", "said"), [
    ([], "subcommand is required"),
    (["bogus"], "error: unknown verb bogus"),
    (["chek"], "did you mean check?"),
    (["user", "aad"], "did you mean add?"),
    (["add", "user", "alice"], "did you mean layergate user add?"),
    (["list"], "did you mean layergate user list or layergate image list?"),
    (["user", "show", "alice", "bob", "carol"], "\"bob\" is one word too many"),
    (["--nope"], "error: unknown option --nope"),
    (["check", "--nope"], "error: unknown option --nope"),
    (["image", "register", "a", "b", "--users", ""], "empty item"),
    (["access", "check", "alice"], "name is required"),
    (["access", "check", "alice", "UPPER/..//x", "v1"], "is no image"),
    (["access", "check", "alice", "x", "a/b c"], "is no image"),
    (["access", "check", "alice", "x", "v1", "--action", "fly"], "action takes"),
    (["access", "check", "alice", "x", "v1", "--from", "here"], "address takes"),
    (["user", "add", "a:b", "--permissions", "view", "--password-stdin"], "colon"),
    (["user", "add", "#x", "--permissions", "view", "--password-stdin"], "#"),
    (["user", "add", "eve", "--permissions", "fly", "--password-stdin"], "unknown permission fly"),
    (["user", "add", "alice", "--permissions", "view", "--password-stdin"], "exists already"),
    (["user", "add", "eve", "--permissions", "view", "--email", "a\nb", "--password-stdin"], "the email"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_wrong_usage(config: Path, words: list[str], said: str) -> None:
    before = files(config)
    result = ask(config, *words, stdin=b"Granite-Harbour-42\n")
    assert result.returncode == 2, result
    assert said in result.stderr.decode()
    assert files(config) == before


def test_an_account_cannot_be_made_while_the_policy_is_broken(config: Path) -> None:
    (config / "acl.yml").write_text(POLICY + "rulez: []\n")
    before = files(config)
    result = ask(config, "user", "add", "alice", "--permissions", "view", "--password-stdin",
                 stdin=b"Granite-Harbour-42\n")
    assert result.returncode == 3 and b"acl.yml:9:1: unknown key \"rulez\"" in result.stderr
    assert files(config) == before


@pytest.mark.parametrize(("user", "name", "tag", "action", "allowed"), [
    ("alice", "x", "v1", "pull", True),
    ("alice", "x", "v1", "push", True),
    ("bob", "x", "v1", "pull", False),
    ("bob", "x", "v1", "push", True),
    # The first push of an immutable tag; test_manifests.py asks about one that is there.
    ("alice", "release/x", "v1", "push", True),
    ("root", "release/x", "v1", "delete", True),
    ("root", "x", DIGEST_TAG, "push", True),
    ("nobody", "x", "v1", "pull", False),
])
def test_access_check_answers_what_the_gate_would(
    config: Path, user: str, name: str, tag: str, action: str, allowed: bool
) -> None:
    result = ask(config, "access", "check", user, name, tag, "--action", action)
    assert result.returncode == (0 if allowed else 1), result
    assert result.stdout.decode().startswith(f"{'allowed' if allowed else 'denied'}: {user} {action} {name}:{tag}: ")


@pytest.mark.parametrize(("settings", "said"), [
    ("listen: [{address: 127.0.0.1:5000}, {address: 127.0.0.1:5000}]\n", "twice"),
    ("listen: [{address: 0.0.0.0:8080}]\n", "the same port"),
    ("", "the file is empty"),
], ids=["twice", "admin", "empty"])
def test_settings_that_could_not_start(config: Path, settings: str, said: str) -> None:
    text = settings and settings + "upstream: {url: http://127.0.0.1:1}\n"
    (config / "layergate.yml").write_text(text)
    for verb in ("check", "serve"):
        result = ask(config, verb)
        assert result.returncode == 3, result
        assert said in result.stderr.decode()


@pytest.mark.parametrize("kind", ["fifo", "directory", "nothing"])
def test_a_layergate_yml_that_is_no_file(config: Path, kind: str) -> None:
    file = config / "layergate.yml"
    file.unlink()
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "directory":
        file.mkdir()
    result = ask(config, "check")
    assert result.returncode == 3 and str(file) in result.stderr.decode()


@pytest.mark.parametrize("what", ["state", "state/access.log", "state/upload.key"])
def test_a_state_that_cannot_be_written_is_a_fault_of_input_and_output(config: Path, what: str) -> None:
    place = config.parent / what
    place.parent.mkdir(exist_ok=True)
    if what == "state":
        place.write_text("a file")
    else:
        place.mkdir()
    result = ask(config, "serve")
    assert result.returncode == 4 and str(place) in result.stderr.decode(), result


def test_what_a_file_holds_cannot_write_to_the_terminal(config: Path) -> None:
    (config / "acl.yml").write_text('version: 1\n"\\e[2J\\nerror: forged": 1\n')
    result = ask(config, "check")
    assert result.returncode == 3
    assert b"\x1b" not in result.stderr
    assert not any(line.startswith(b"error: forged") for line in result.stderr.splitlines())
