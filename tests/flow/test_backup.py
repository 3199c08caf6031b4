"""Backups of a gate that runs: made while things are pushed, proven, brought back, served."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest
import yaml

from conftest import GateMaker
from harness.client import Client
from harness.gate import Gate, program
from harness.images import MANIFEST, image
from harness.ports import free_port
from harness.process import Process, run
from harness.rawhttp import Connection, basic
from harness.registry import Registry

POLICY = """\
version: 1
users:
  owner:  {permissions: [view, pull, push, delete]}
  reader: {permissions: [view, pull]}
rules:
  - {who: [owner], images: ["**"], allow: [view, pull, push, delete]}
  - {who: [reader], images: ["models:public-*"], allow: [view, pull]}
tests:
  - {user: reader, action: pull, image: "models:secret", expect: deny}
"""
PASSWORDS = {name: f"{name} Passw0rd!" for name in ("owner", "reader")}


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    gate = make_gate(registry.url, POLICY, PASSWORDS)
    gate.wait_for_index()
    return gate


def verb(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run(program(), *arguments, stdin=stdin, check=False)


def test_it_is_made_while_images_are_pushed_and_serves_when_restored(
    gate: Gate, registry: Registry, tmp_path: Path
) -> None:
    stop = threading.Event()
    pushed: list[str] = []

    def push() -> None:
        with Client(gate.connect, gate.credential("owner")) as client:
            while not stop.is_set():
                name = f"public-{len(pushed)}"
                client.push("models", name, image({"weights": os.urandom(50_000)}))
                pushed.append(name)

    pusher = threading.Thread(target=push)
    pusher.start()
    try:
        for number in range(4):
            before = len(pushed)
            file = tmp_path / f"{number}.tar.zst"
            said = gate.run_verb("backup", str(file)).stdout.decode()
            assert f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n" in said
            assert file.stat().st_mode & 0o7777 == 0o600
            proven = verb("verify", file)
            assert proven.returncode == 0, proven
            assert b"the policy loads and passes its tests: 2 rules, 2 accounts" in proven.stdout
            for database in (b"index", b"records"):
                assert b"state/%s.db is intact" % database in proven.stdout, proven
            while len(pushed) == before:  # each falls among pushes
                assert pusher.is_alive()
    finally:
        stop.set()
        pusher.join()
    assert gate.run_verb("user", "add", "late", "--permissions", "view,pull", "--password-stdin",
                         stdin=b"Granite-Harbour-42\n").returncode == 0
    last = tmp_path / "last.tar.zst"
    gate.run_verb("backup", str(last))
    gate.stop()

    restored = tmp_path / "restored"
    said = verb("restore", last, restored).stdout.decode()
    assert "changed in its layergate.yml, which meant another place: state: ../state" in said
    # Its chain of hashes is whole.
    audit = verb("audit", "verify", "--config-dir", restored / "conf")
    assert audit.returncode == 0, audit
    settings = yaml.safe_load((restored / "conf/layergate.yml").read_text())
    assert settings["state"] == "../state"
    # The old state is not touched, or it would not be a copy.
    gate.state.rename(gate.state.with_name("gone"))
    address = ("127.0.0.1", int(settings["listen"][0]["address"].split(":")[1]))
    admin = ("127.0.0.1", int(settings["admin"]["address"].split(":")[1]))

    def ready() -> bool:
        try:
            with Connection(admin) as connection:
                return connection.request("GET", "/readyz", host="%s:%d" % admin).status == 200
        except OSError:
            return False

    log = tmp_path / "restored.log"
    with Process([program(), "serve", "--config-dir", restored / "conf"], log) as process:
        process.wait_until(ready, 30, "readiness")

        def get(tag: str, user: str, password: str) -> int:
            with Connection(address) as connection:
                return connection.request("GET", f"/v2/models/manifests/{tag}", [
                    basic(user, password), ("Accept", MANIFEST)]).status

        assert get(pushed[0], "reader", PASSWORDS["reader"]) == 200
        assert get(pushed[-1], "reader", PASSWORDS["reader"]) == 200
        assert get("secret", "reader", PASSWORDS["reader"]) == 403
        assert get(pushed[0], "reader", "wrong") == 401
        assert get(pushed[0], "late", "Granite-Harbour-42") == 403  # it is known, without a rule
        verified = verb("index", "verify", "--config-dir", restored / "conf")
        assert verified.returncode == 0 and b"equal" in verified.stdout, verified
        assert process.stop() == 0
    assert not gate.state.exists()


def test_through_pipes(gate: Gate, tmp_path: Path) -> None:
    made = gate.run_verb("backup", "-")
    assert made.stderr.decode().split("\n")[-2] == "sha256:" + hashlib.sha256(made.stdout).hexdigest()
    assert verb("verify", "-", stdin=made.stdout).returncode == 0
    assert verb("restore", "-", tmp_path / "new", stdin=made.stdout).returncode == 0
    assert (tmp_path / "new/conf/acl.yml").read_text() == POLICY


def test_tar_reads_it(gate: Gate, tmp_path: Path) -> None:
    gate.run_verb("backup", str(tmp_path / "b"))
    names = run("tar", "--zstd", "-tf", tmp_path / "b").stdout.decode().split()
    assert {"conf/layergate.yml", "conf/acl.yml", "conf/htpasswd", "state/index.db", "state/upload.key",
            "state/access.log"} <= set(names)
    assert names[-1] == "manifest.json"


class TestRefusals:
    @pytest.fixture
    def gate(self, make_gate: GateMaker) -> Gate:
        return make_gate("http://127.0.0.1:%d" % free_port(), POLICY, PASSWORDS, start=False)

    def test_what_does_not_load_is_not_backed_up(self, gate: Gate, tmp_path: Path) -> None:
        gate.write_policy(POLICY.replace("expect: deny", "expect: allow"))
        made = gate.run_verb("backup", str(tmp_path / "b"), check=False)
        assert made.returncode == 3 and b"acl.yml:9:" in made.stderr, made
        assert not (tmp_path / "b").exists()
        assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]

    def test_a_name_that_exists(self, gate: Gate, tmp_path: Path) -> None:
        gate.run_verb("backup", str(tmp_path / "b"))
        before = (tmp_path / "b").read_bytes()
        made = gate.run_verb("backup", str(tmp_path / "b"), check=False)
        assert made.returncode == 2 and b"exists" in made.stderr, made
        assert (tmp_path / "b").read_bytes() == before
        assert verb("restore", tmp_path / "b", tmp_path).returncode == 2

    def test_it_is_made_where_the_gate_is(self, gate: Gate, tmp_path: Path) -> None:
        made = gate.run_verb("--api-url", "http://127.0.0.1:1", "backup", str(tmp_path / "b"), check=False)
        assert made.returncode == 2 and b"--api-url" in made.stderr, made

    def test_a_disk_without_room(self, gate: Gate) -> None:
        with open("/dev/full", "wb") as full:
            made = subprocess.run([program(), "backup", "-", "--config-dir", gate.config], stdout=full,
                                  stderr=subprocess.PIPE, check=False)
        assert made.returncode == 4 and b"No space left on device" in made.stderr, made

    def test_what_is_no_backup(self, gate: Gate, tmp_path: Path) -> None:
        for name, data in {"empty": b"", "text": b"hello\n" * 1000, "zstd": b"\x28\xb5\x2f\xfd" * 99}.items():
            (tmp_path / name).write_bytes(data)
            found = verb("verify", tmp_path / name)
            assert found.returncode == 3 and name.encode() in found.stderr, found
        assert verb("verify", tmp_path / "none").returncode == 4
        assert verb("verify", tmp_path).returncode in (3, 4)

    @pytest.mark.parametrize("entry", [
        {"type": tarfile.SYMTYPE, "linkname": "/etc"},
        {"type": tarfile.SYMTYPE, "linkname": ".."},
        {"type": tarfile.LNKTYPE, "linkname": "conf/acl.yml"},
        {"type": tarfile.DIRTYPE},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
        {"type": tarfile.FIFOTYPE},
    ], ids=str)
    def test_what_is_no_file(self, gate: Gate, tmp_path: Path, entry: dict[str, object]) -> None:
        """Whatever its checksums say: a link first and a file below it would leave the directory."""
        made = gate.run_verb("backup", "-").stdout
        plain = run("zstd", "-dc", stdin=made).stdout
        forged = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(plain)) as old, tarfile.open(
                fileobj=forged, mode="w", format=tarfile.PAX_FORMAT) as new:
            info = tarfile.TarInfo("conf/evil")
            for key, value in entry.items():
                setattr(info, key, value)
            new.addfile(info)
            for member in old:
                new.addfile(member, old.extractfile(member))
        for data in (forged.getvalue(), run("zstd", "-c", stdin=forged.getvalue()).stdout):
            found = verb("restore", "-", tmp_path / "new", stdin=data)
            assert found.returncode == 3 and b"which is no regular file" in found.stderr, found
            assert not (tmp_path / "new").exists()

    def test_a_newer_form(self, gate: Gate, tmp_path: Path) -> None:
        plain = run("zstd", "-dc", stdin=gate.run_verb("backup", "-").stdout).stdout
        forged = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(plain)) as old, tarfile.open(fileobj=forged, mode="w") as new:
            for member in old:
                file = old.extractfile(member)
                assert file is not None
                data = file.read()
                if member.name == "manifest.json":
                    data = json.dumps({**json.loads(data), "version": 2}).encode()
                    member.size = len(data)
                new.addfile(member, io.BytesIO(data))
        found = verb("verify", "-", stdin=forged.getvalue())
        assert found.returncode == 3 and b"newer version of Layergate" in found.stderr, found
