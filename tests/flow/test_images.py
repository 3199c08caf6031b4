"""Images and grants by the verbs of mission.md, as they stand there, before a running gate."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import GateMaker
from harness.client import Client
from harness.gate import Gate
from harness.images import image
from harness.managed import add_account, policy_files, pull_status, say, wait_for
from harness.registry import Registry

# The comments, the order and the odd spacing are what must stay.
POLICY = """\
version: 1   # by hand
groups: {staff: [root]}
users:
  root: {permissions: [admin]}
  pusher:   {permissions: [view,pull,push,delete]}

rules:
  # pushes everything
  - {who: [pusher], images: ["**"], allow: [view, pull, push, delete]}
  - name: staff may look
    who: ["@staff"]
    images: ["telechat"]
    allow: [view]
"""
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    made = make_gate(registry.url, POLICY, {"root": "root Passw0rd!", "pusher": "pusher Passw0rd!"})
    with Client(made.connect, made.credential("pusher")) as pusher:
        pusher.push("telechat", "7b-fp16", image())
    for name in ("user1", "user2"):
        add_account(made, name, "view,pull")
    return made


def listed(gate: Gate, *words: str) -> list[dict[str, Any]]:
    return json.loads(say(gate, *words, "--format", "json"))["items"]


def test_every_command_as_mission_writes_it(gate: Gate) -> None:
    say(gate, "user", "add", "dora", "Quiet-Otter-Climbs-42", "--permissions", "view,pull,push,delete,admin",
        "--email", "dora@example.com")
    say(gate, "user", "list")
    say(gate, "user", "update", "dora", "--permissions", "view,pull")
    say(gate, "image", "register", "telechat", "7b-fp16", "--users", "user1,dora", "--digest", DIGEST,
        "--created", "2024-05-01T10:00:00Z", "--size", "14000000000")
    assert "7b-fp16" in say(gate, "image", "list-accessible", "user1")
    say(gate, "access", "grant", "telechat", "7b-fp16", "user2")
    say(gate, "access", "check", "user2", "telechat", "7b-fp16")
    say(gate, "access", "revoke", "telechat", "7b-fp16", "user2")
    say(gate, "access", "check", "user2", "telechat", "7b-fp16", code=1)
    say(gate, "user", "remove", "dora")
    say(gate, "user", "list", "--registry-url", "localhost:5000")


def test_grants_and_revokes_are_in_force_within_seconds(gate: Gate) -> None:
    pull = lambda user: pull_status(gate, user, "telechat", "7b-fp16")  # noqa: E731
    assert pull("user1") == 403
    say(gate, "image", "register", "telechat", "7b-fp16", "--users", "user1")
    wait_for(200, lambda: pull("user1"), "a registration")
    assert pull("user2") == 403
    say(gate, "access", "grant", "telechat", "7b-fp16", "user2")
    wait_for(200, lambda: pull("user2"), "a grant")
    say(gate, "access", "revoke", "telechat", "7b-fp16", "user1")
    wait_for(403, lambda: pull("user1"), "a revoke")
    say(gate, "access", "revoke", "telechat", "7b-fp16", "user2")
    wait_for(403, lambda: pull("user2"), "the last revoke")
    say(gate, "access", "grant", "telechat", "7b-fp16", "user2")
    wait_for(200, lambda: pull("user2"), "a grant to an empty list")
    say(gate, "image", "remove", "telechat", "7b-fp16")
    wait_for(403, lambda: pull("user2"), "a removal")


def test_metadata_is_found_and_what_was_given_goes_before(gate: Gate) -> None:
    say(gate, "image", "register", "telechat", "7b-fp16")
    made = image()
    found = json.loads(say(gate, "image", "show", "telechat", "7b-fp16", "--format", "json"))
    assert found["digest"] == made.digest
    assert found["size"] == sum(len(blob) for blob in made.blobs)
    assert found["pushed_by"] == "pusher" and found["users"] == ["*"]
    say(gate, "image", "register", "telechat", "7b-fp16", "--size", "17", "--digest", DIGEST)
    given = listed(gate, "image", "list")[0]
    assert (given["size"], given["digest"], given["pushed_digest"]) == (17, DIGEST, made.digest)


def test_lists_show_each_what_it_may_reach(gate: Gate) -> None:
    say(gate, "image", "register", "telechat", "7b-fp16", "--users", "user1")
    say(gate, "image", "register", "telechat", "12b-int4")
    names = lambda *words: [(item["tag"], item.get("actions")) for item in listed(gate, *words)]  # noqa: E731
    assert names("image", "list-accessible", "user1") == [("12b-int4", ["view", "pull"]), ("7b-fp16", ["view", "pull"])]
    assert names("image", "list-accessible", "user2") == [("12b-int4", ["view", "pull"])]
    assert [tag for tag, _ in names("image", "list")] == ["12b-int4", "7b-fp16"]
    say(gate, "image", "remove", "telechat", "7b-fp16")
    assert [tag for tag, _ in names("image", "list")] == ["12b-int4"]
    assert ("7b-fp16", None) in names("image", "list", "--all")
    say(gate, "image", "list-accessible", "nobody", code=1)


def test_tables_name_the_registry_where_it_is_said(gate: Gate) -> None:
    where = ("--registry-url", "localhost:5000")
    assert "localhost:5000/telechat:7b-fp16" in say(gate, "image", "register", "telechat", "7b-fp16", *where)
    assert "localhost:5000/telechat" in say(gate, "image", "list", *where)
    assert [image["name"] for image in listed(gate, "image", "list", *where)] == ["telechat"]
    for wrong in ("http://localhost:5000", "not a url", ""):
        refused = gate.run_verb("image", "list", "--registry-url", wrong, check=False)
        assert refused.returncode == 2 and b"HOST:PORT" in refused.stderr, refused


def test_a_revoke_of_what_another_rule_gives_says_which(gate: Gate) -> None:
    say(gate, "image", "register", "telechat", "7b-fp16", "--users", "user1")
    assert "staff may look (acl.yml:10)" not in say(gate, "access", "revoke", "telechat", "7b-fp16", "user1")
    printed = say(gate, "access", "revoke", "telechat", "7b-fp16", "pusher", code=1)
    assert "pusher may still view, pull, push, delete telechat:7b-fp16: allowed by the rule at acl.yml:9" in printed
    assert "permission admin" in say(gate, "access", "revoke", "telechat", "7b-fp16", "root", code=1)


@pytest.mark.parametrize(("words", "code", "said"), [
    (["image", "register", "UPPER", "v1"], 2, "is no image"),
    (["image", "register", "telechat", "a/b"], 2, "is no image"),
    (["image", "register", "telechat", "v2", "--users", "user3"], 1, "there is no account user3; did you mean"),
    (["image", "register", "telechat", "v2", "--digest", "sha256:abc"], 2, "64 hexadecimal digits"),
    (["image", "register", "telechat", "v2", "--created", "once"], 2, "is no time"),
    (["image", "register", "telechat", "v2", "--size", "big"], 2, "--size takes bytes"),
    (["image", "register", "telechat", "v1", "--users", "user2"], 2, "is registered for user1"),
    (["image", "remove", "telechat", "v2"], 1, "is not registered"),
    (["image", "show", "telechat", "v2"], 1, "there is no image telechat:v2"),
    (["access", "grant", "telechat", "v2", "user1"], 1, "layergate image register telechat v2"),
    (["access", "grant", "telechat", "v1", "user3"], 1, "there is no account user3"),
    (["access", "revoke", "telechat", "v1", "user3"], 1, "there is no account user3"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_a_mistake_is_told_and_changes_nothing(gate: Gate, words: list[str], code: int, said: str) -> None:
    say(gate, "image", "register", "telechat", "v1", "--users", "user1")
    before = policy_files(gate)
    assert said in say(gate, *words, code=code)
    assert policy_files(gate) == before


def test_the_file_of_ops_stays_byte_for_byte(gate: Gate) -> None:
    for turn in range(10):
        tag = f"t{turn}"
        say(gate, "image", "register", "telechat", tag, "--users", "user1")
        say(gate, "access", "grant", "telechat", tag, "user2")
        say(gate, "access", "revoke", "telechat", tag, "user1")
        say(gate, "user", "update", "user2", "--email", f"{turn}@example.com")
        say(gate, "image", "remove", "telechat", tag)
    assert gate.policy_file.read_text() == POLICY
