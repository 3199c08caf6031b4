"""Accounts are made, changed and removed by the verbs, and a running gate obeys within seconds."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import pytest

from conftest import GateMaker
from harness.client import Client
from harness.gate import Gate
from harness.images import MANIFEST, image
from harness.managed import PASSWORD, add_account, policy_files, pull_status, say, wait_for
from harness.rawhttp import digest_of
from harness.registry import Registry

POLICY = """\
# Ours: nobody else writes here.
version: 1
users:
  owner: {permissions: [view, pull, push]}  # pushes
rules:
  - {who: [owner], images: ["**"], allow: [view, pull, push]}
  - name: all may read
    who: ["*"]
    images: ["accounts/**"]
    allow: [view, pull]
"""
NAME = "accounts/telechat"


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    made = make_gate(registry.url, POLICY, {"owner": "owner Passw0rd!"})
    with Client(made.connect, made.credential("owner")) as owner:
        owner.push(NAME, "v1", image())
    return made


def test_the_life_of_an_account(gate: Gate) -> None:
    pull = lambda: pull_status(gate, "dora", NAME, "v1")  # noqa: E731
    add_account(gate, "dora", "view,pull", "--email", "dora@example.com")
    wait_for(200, pull, "a new account")
    say(gate, "user", "disable", "dora")
    wait_for(401, pull, "a disabled account")
    say(gate, "user", "enable", "dora")
    wait_for(200, pull, "an enabled account")
    say(gate, "user", "update", "dora", "--permissions", "view")
    wait_for(403, pull, "an account without pull")
    say(gate, "user", "update", "dora", "--permissions", "view,pull", "--from", "192.0.2.0/24")
    wait_for(403, pull, "an account at the wrong address")
    say(gate, "user", "update", "dora", "--from", "any", "--expires", "30d")
    wait_for(200, pull, "an account that ends later")
    say(gate, "user", "passwd", "dora", "--password-stdin", stdin=b"Quiet-Otter-Climbs-7\n")
    wait_for(401, pull, "the old password")
    wait_for(200, lambda: pull_status(gate, "dora", NAME, "v1", "Quiet-Otter-Climbs-7"), "the new password")
    say(gate, "user", "remove", "dora")
    wait_for(401, lambda: pull_status(gate, "dora", NAME, "v1", "Quiet-Otter-Climbs-7"), "a removed account")
    assert gate.policy_file.read_text() == POLICY


def test_a_temporary_account_ends_by_itself(gate: Gate) -> None:
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 6))
    add_account(gate, "guest", "view,pull", "--expires", ends)
    wait_for(200, lambda: pull_status(gate, "guest", NAME, "v1"), "a guest")
    wait_for(401, lambda: pull_status(gate, "guest", NAME, "v1"), "a guest whose time is over")


def test_lists_tell_what_a_person_needs(gate: Gate) -> None:
    add_account(gate, "dora", "view,pull", "--expires", "30d", "--email", "dora@example.com")
    accounts = {account["name"]: account
                for account in json.loads(say(gate, "user", "list", "--format", "json"))["items"]}
    assert set(accounts) == {"owner", "dora"}
    assert accounts["owner"]["source"] == "acl.yml:4" and not accounts["owner"]["managed"]
    assert accounts["dora"]["password_set"] and accounts["dora"]["usable"]
    assert "dora@example.com" in say(gate, "user", "list")
    assert "acl.d/managed.yml:" in say(gate, "user", "show", "dora")
    say(gate, "user", "show", "nobody", code=1)


@pytest.mark.parametrize(("words", "code", "said"), [
    (["user", "add", "dora", "--permissions", "fly", "--password-stdin"], 2, "unknown permission fly"),
    (["user", "add", "dora", "--permissions", "view", "--expires", "soon", "--password-stdin"], 2, "is no time"),
    (["user", "add", "dora", "--permissions", "view", "--from", "10.0.0.1/8", "--password-stdin"], 2, "no address"),
    (["user", "add", "owner", "--permissions", "view", "--password-stdin"], 2, "acl.yml:4"),
    (["user", "update", "owner", "--permissions", "view"], 2, "acl.yml:4"),
    (["user", "update", "ovner", "--permissions", "view"], 1, "did you mean owner?"),
    (["user", "update", "owner"], 2, "nothing to change"),
    (["user", "disable", "owner"], 2, "changed by hand only"),
    (["user", "remove", "owner"], 2, "acl.yml:4"),
    (["user", "remove", "nobody"], 1, "there is no account nobody"),
    (["user", "passwd", "nobody", "--password-stdin"], 1, "there is no account nobody"),
], ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else "")
def test_a_mistake_is_told_and_changes_nothing(gate: Gate, words: list[str], code: int, said: str) -> None:
    before = policy_files(gate)
    printed = say(gate, *words, code=code, stdin=PASSWORD.encode() + b"\n")
    assert said in printed
    assert PASSWORD not in printed
    assert policy_files(gate) == before


def test_a_dry_run_changes_nothing(gate: Gate) -> None:
    before = policy_files(gate)
    say(gate, "user", "add", "dora", "--permissions", "view", "--password-stdin", "--dry-run",
        stdin=PASSWORD.encode() + b"\n")
    say(gate, "user", "add", "dora", "--permissions", "view", "--password-stdin", "--dry-run", code=2, stdin=b"short\n")
    assert policy_files(gate) == before


def age(state: Path, account: str, days: int) -> None:
    """Makes the account's password as old as that."""
    with sqlite3.connect(state / "accounts.db") as database:
        then = int((time.time() - days * 86400) * 1000)
        assert database.execute("UPDATE passwords SET since = ? WHERE account = ?", (then, account)).rowcount == 1


def test_an_old_password_is_warned_of(gate: Gate) -> None:
    gate.stop()
    age(gate.state, "owner", 91)
    gate.start()
    assert "passwords older than 90 days: owner" in gate.log_text()
    assert "the password of owner is too old" in say(gate, "user", "list")
    assert pull_status(gate, "owner", NAME, "v1") == 200


def test_an_old_password_is_refused_where_ops_want_it(make_gate: GateMaker, registry: Registry) -> None:
    gate = make_gate(registry.url, POLICY, {"owner": "owner Passw0rd!"},
                     settings={"auth": {"password_expired": "refuse", "password_max_age": "30d"}})
    with Client(gate.connect, gate.credential("owner")) as owner:
        owner.push(NAME, "v1", image())
    gate.stop()
    age(gate.state, "owner", 29)
    gate.start()
    assert pull_status(gate, "owner", NAME, "v1") == 200
    gate.stop()
    age(gate.state, "owner", 31)
    gate.start()
    assert pull_status(gate, "owner", NAME, "v1") == 401
    assert "too old" in say(gate, "user", "list")
    say(gate, "user", "passwd", "owner", "--password-stdin", stdin=PASSWORD.encode() + b"\n")
    wait_for(200, lambda: pull_status(gate, "owner", NAME, "v1", PASSWORD), "a new password")


def test_the_cost_of_new_hashes_is_set(make_gate: GateMaker, registry: Registry) -> None:
    gate = make_gate(registry.url, POLICY, {"owner": "owner Passw0rd!"}, start=False,
                     settings={"auth": {"bcrypt_cost": 11}})
    add_account(gate, "dora", "view")
    assert "dora:$2y$11$" in (gate.config / "htpasswd").read_text()


def test_a_later_account_of_the_name_has_nothing_of_the_one_before(
        make_gate: GateMaker, registry: Registry) -> None:
    """Nobody waits between the removal and the new account: the gate may see both at once."""
    policy = "version: 1\nusers: {owner: {permissions: [admin]}}\nunregistered: push\n"
    gate = make_gate(registry.url, policy, {"owner": "owner Passw0rd!"})
    name = "taken/telechat"
    made = image({"own": b"the first dora's"})
    with_push = "view,pull,push"
    add_account(gate, "dora", with_push)
    wait_for(404, lambda: pull_status(gate, "dora", name, "v1"), "a new account")
    with Client(gate.connect, gate.credential("dora")) as dora:
        dora.push(name, "v1", made)
        loose = dora.push_blob(name, b"uploaded and in no image")
    assert pull_status(gate, "dora", name, "v1") == 200

    say(gate, "user", "remove", "dora")
    add_account(gate, "dora", with_push)

    def has_nothing(account: Client) -> None:
        account.expect(404, "GET", f"/v2/{name}/manifests/v1")
        account.expect(404, "HEAD", f"/v2/{name}/blobs/{loose}")
        for layer in made.layers:
            account.expect(404, "GET", f"/v2/{name}/blobs/{digest_of(layer)}")
        mine = image({"own": b"the second dora's"})
        for blob in mine.blobs:
            account.push_blob(name, blob)
        assert account.put_manifest(name, "v1", mine.manifest, MANIFEST).status == 403

    wait_for(404, lambda: pull_status(gate, "dora", name, "v1"), "the second account")
    with Client(gate.connect, gate.credential("dora")) as dora:
        dora.expect(404, "GET", f"/v2/{name}/tags/list")
        has_nothing(dora)
        dora.push(name, "v2", image({"own": b"the second dora's"}))
    gate.stop()
    gate.start()
    with Client(gate.connect, gate.credential("dora")) as dora:
        has_nothing(dora)
        assert json.loads(dora.expect(200, "GET", f"/v2/{name}/tags/list").body)["tags"] == ["v2"]
    assert pull_status(gate, "dora", name, "v2") == 200
