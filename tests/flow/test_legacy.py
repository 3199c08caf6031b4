"""The files of the older system: imported, exported again, and equal in meaning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import GateMaker
from harness import htpasswd
from harness.gate import Gate
from harness.managed import policy_files, say
from harness.registry import Registry

POLICY = "version: 1\nusers: {root: {permissions: [admin]}}\n"
USERS = {
    "user1": {"username": "user1", "password_hash": "htpasswd", "permissions": ["view", "pull"],
              "email": "user1@example.com"},
    "boss": {"username": "boss", "password_hash": "htpasswd",
             "permissions": ["view", "pull", "push", "delete", "admin"], "email": "boss@example.com"},
}
IMAGES = {
    "telechat:7b-fp16": {"name": "telechat", "tag": "7b-fp16", "digest": "sha256:" + "c" * 64,
                         "created": "2024-01-15T10:30:00Z", "size": 14_000_000_000, "allowed_users": ["user1"]},
    "team/open:v1": {"name": "team/open", "tag": "v1", "digest": "", "created": "", "size": 0, "allowed_users": []},
}
PASSWORDS = {"boss": "boss Passw0rd!", "user1": "user1 Passw0rd!"}


def write_old(root: Path, users: object = USERS, images: object = IMAGES) -> Path:
    (root / "auth").mkdir(parents=True)
    (root / "users.json").write_text(json.dumps(users))
    (root / "images.json").write_text(json.dumps(images))
    (root / "auth" / "htpasswd").write_text(htpasswd.text(PASSWORDS, cost=10))
    return root


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    return make_gate(registry.url, POLICY, {"root": "root Passw0rd!"}, start=False)


def test_there_and_back(gate: Gate, tmp_path: Path) -> None:
    old = write_old(tmp_path / "old")
    before = {file: file.read_bytes() for file in old.rglob("*") if file.is_file()}
    assert "imported 2 accounts and 2 images" in say(gate, "import", str(old))
    imported = policy_files(gate)
    assert "imported 0 accounts and 0 images; 2 and 2 were there already" in say(gate, "import", str(old))
    assert policy_files(gate) == imported
    say(gate, "user", "remove", "nobody", code=1)
    say(gate, "export", str(tmp_path / "new"))
    exported_users = json.loads((tmp_path / "new" / "users.json").read_text())
    assert {name: user for name, user in exported_users.items() if name != "root"} == USERS
    assert json.loads((tmp_path / "new" / "images.json").read_text()) == IMAGES
    lines = (tmp_path / "new" / "auth" / "htpasswd").read_text().splitlines()
    assert set(htpasswd.text(PASSWORDS, cost=10).splitlines()) <= set(lines)
    assert {file: file.read_bytes() for file in old.rglob("*") if file.is_file()} == before
    gate.start()
    assert gate.ask("GET", "/v2/", user="user1", password=PASSWORDS["user1"]).status == 200


def test_all_or_nothing(gate: Gate, tmp_path: Path) -> None:
    images = {**IMAGES, "x:v1": {"allowed_users": ["gone"]}, "y:v1": {"allowed_users": [], "size": "big"}}
    old = write_old(tmp_path / "old", images=images)
    before = policy_files(gate)
    assert 'images.json: "y:v1": size must be a number' in say(gate, "import", str(old), code=2)
    del images["y:v1"]
    (old / "images.json").write_text(json.dumps(images))
    assert "images.json: x:v1: allowed_users names gone" in say(gate, "import", str(old), code=2)
    assert policy_files(gate) == before
    say(gate, "import", str(old), "--lenient", "--dry-run")
    assert policy_files(gate) == before
    assert "there is no account gone" in say(gate, "import", str(old), "--lenient")
    # The list that lost its only user is not one for everybody.
    say(gate, "access", "check", "user1", "x", "v1", code=1)
    assert "holds neither" in say(gate, "import", str(tmp_path), code=2)


def test_ten_thousand_images_at_once(gate: Gate, tmp_path: Path) -> None:
    images = {f"team/model{i}:v1": {"name": f"team/model{i}", "tag": "v1", "allowed_users": ["user1"]}
              for i in range(10_000)}
    old = write_old(tmp_path / "old", images=images)
    assert "imported 2 accounts and 10000 images" in say(gate, "import", str(old))
    assert "10000 were there already" in say(gate, "import", str(old))
    say(gate, "access", "grant", "team/model77", "v1", "boss")
    say(gate, "export", str(tmp_path / "new"))
    exported = json.loads((tmp_path / "new" / "images.json").read_text())
    assert len(exported) == 10_000 and exported["team/model77:v1"]["allowed_users"] == ["boss", "user1"]
