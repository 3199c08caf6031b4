"""The answers of the policy: why, who can, what would change; and what they say to bad input."""

from __future__ import annotations

import json
import random
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from conftest import GateMaker
from harness import htpasswd
from harness.client import Client
from harness.gate import Gate, program
from harness.images import MANIFEST, image
from harness.process import run
from harness.rawhttp import digest_of
from harness.registry import Registry

POLICY = """\
version: 1
groups:
  research: [alice, bob]
users:
  alice: {permissions: [view, pull, push]}
  bob:   {permissions: [view, pull]}
  ci:    {permissions: [view, pull, push], from: [10.0.0.0/8]}
  root:  {permissions: [admin]}
rules:
  - name: research pulls
    who: ["@research", ci]
    images: ["telechat:*"]
    allow: [view, pull, push]
  - name: releases stay
    who: ["*"]
    images: ["telechat:*-fp16"]
    deny: [push, delete]
    reason: fp16 images are releases
tests:
  - {user: bob, action: pull, image: "telechat:7b-int4", expect: allow}
"""
# Of bob nothing but the 7b models is left.
STRICTER = POLICY.replace('["@research", ci]', "[alice, ci]").replace(
    "tests:", """\
  - name: bob pulls the small ones
    who: [bob]
    images: ["telechat:7b-*"]
    allow: [view, pull]
tests:""")
USERS = ("alice", "bob", "ci", "root")
PASSWORDS = {name: f"{name} Passw0rd!" for name in USERS}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "conf"
    directory.mkdir()
    (directory / "layergate.yml").write_text("upstream: {url: http://127.0.0.1:1}\n")
    (directory / "acl.yml").write_text(POLICY)
    (directory / "htpasswd").write_text(htpasswd.text(PASSWORDS))
    return directory


def ask(config: Path, *words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run(program(), *words, "--config-dir", config, stdin=stdin, check=False, timeout=60)


def answer(config: Path, *words: str | Path, code: int = 0, stdin: bytes = b"") -> Any:
    result = ask(config, *words, "--format", "json", stdin=stdin)
    assert result.returncode == code, result
    return json.loads(result.stdout)


def beside(config: Path, name: str, text: str) -> Path:
    """A policy in a directory of its own."""
    directory = config.parent / name
    directory.mkdir()
    (directory / "acl.yml").write_text(text)
    return directory / "acl.yml"


# Why, and who can


def test_an_explanation_shows_each_rule_and_what_matched(config: Path) -> None:
    result = ask(config, "access", "check", "alice", "telechat", "7b-fp16", "--action", "push", "--explain")
    assert result.returncode == 1
    text = result.stdout.decode()
    assert text.startswith("denied: alice push telechat:7b-fp16: by releases stay (acl.yml:14)")
    table = [line for line in text.splitlines()[1:] if "acl.yml:" in line]
    lines = {line.split("acl.yml:")[1].split()[0]: line for line in table}
    assert set(lines) == {"10", "14"}
    assert lines["10"].startswith("+") and "+ @research" in lines["10"] and "+ telechat:*" in lines["10"]
    assert lines["14"].startswith("=>") and "+ *" in lines["14"] and "+ telechat:*-fp16" in lines["14"]

    # The verb of its own says the same; another question finds the second rule silent.
    explained = answer(config, "access", "explain", "alice", "telechat", "7b-int4", "--action", "push")
    assert explained["allowed"] and explained["account"]["groups"] == ["research"]
    assert [rule["applies"] for rule in explained["rules"]] == [True, False]
    assert [rule["decides"] for rule in explained["rules"]] == [True, False]
    assert explained["rules"][1]["images"] == {"matches": False, "what": "telechat:*-fp16"}
    assert explained["rules"][1]["reason"] == "fp16 images are releases"


def test_an_explanation_knows_what_is_not_in_the_rules(config: Path) -> None:
    (config / "htpasswd").write_text(htpasswd.text({"bob": "bob Passw0rd!"}))
    explained = answer(config, "access", "explain", "alice", "telechat", "7b", code=1)
    assert explained["reason"] == "no_password" and explained["policy_allows"]
    nobody = answer(config, "access", "explain", "eve", "telechat", "7b", code=1)
    assert nobody["account"] is None and nobody["reason"] == "unknown_account"


@pytest.mark.parametrize(("address", "allowed"), [("10.1.2.3", True), ("192.0.2.1", False)])
def test_a_check_asks_from_an_address(config: Path, address: str, allowed: bool) -> None:
    result = ask(config, "access", "check", "ci", "telechat", "7b", "--address", address)
    assert result.returncode == (0 if allowed else 1)


def test_who_can_names_everybody(config: Path) -> None:
    found = answer(config, "access", "who-can", "telechat", "7b-int4", "--action", "push")
    assert [(item["user"], item["allowed"], item["from"]) for item in found["items"]] == [
        ("alice", True, "anywhere"), ("bob", False, "nowhere"), ("ci", True, "10.0.0.0/8"), ("root", True, "anywhere")]
    assert found == answer(config, "access", "who-can", "telechat:7b-int4", "--action", "push")
    released = answer(config, "access", "who-can", "telechat", "7b-fp16", "--action", "push")
    assert not any(item["allowed"] for item in released["items"])
    some = answer(config, "access", "who-can", "telechat", "--action", "push")
    assert [item["user"] for item in some["items"] if item["allowed"]] == ["alice", "ci", "root"]


# Policies as files


def test_a_policy_is_checked_wherever_it_stands(config: Path) -> None:
    assert b"ok: 2 rules, 4 accounts" in ask(config, "acl", "check").stdout
    for given in (config, config / "acl.yml", beside(config, "other", POLICY), config.parent / "other"):
        assert answer(config, "acl", "check", given)["valid"]
    broken = beside(config, "broken", POLICY + "rulez: []\n")
    result = ask(config, "acl", "check", broken)
    assert result.returncode == 3 and b'unknown key "rulez"' in result.stderr
    assert not answer(config, "acl", "check", broken, code=3)["valid"]


def test_the_tests_of_a_policy_are_asked_one_by_one(config: Path) -> None:
    assert [item["passed"] for item in answer(config, "acl", "test")["items"]] == [True]
    more = POLICY + '  - {user: bob, action: push, image: "telechat:7b", expect: allow}\n'
    (config / "acl.yml").write_text(more)
    # It is not loaded, and yet it tells which of them fail.
    assert ask(config, "check").returncode == 3
    found = answer(config, "acl", "test", code=3)
    assert [item["passed"] for item in found["items"]] == [True, False] and found["failed"] == 1
    table = ask(config, "acl", "test")
    assert table.returncode == 3 and b"FAILED" in table.stdout and b"1 of 2 tests failed" in table.stderr


def test_lint_finds_and_advises(config: Path) -> None:
    assert answer(config, "acl", "lint")["items"] == []
    assert ask(config, "acl", "lint").stdout == b"nothing found\n"
    (config / "acl.yml").write_text(POLICY.replace("tests:", """\
  - {who: [alice], images: ["telechat:1-fp16"], allow: [push]}
tests:"""))
    found = answer(config, "acl", "lint")["items"]
    assert [(item["level"], item["place"]) for item in found] == [("warning", "acl.yml:19:5")]
    assert "all of it is denied by releases stay" in found[0]["what"] and found[0]["advice"]
    assert ask(config, "acl", "lint", "--exit-code").returncode == 1


def test_a_diff_says_who_loses_what(config: Path) -> None:
    new = beside(config, "new", STRICTER)
    found = answer(config, "acl", "diff", config, new)
    told = [(item["change"], item["users"], item["actions"], item["patterns"]) for item in found["items"]]
    assert told == [("lost", ["bob"], ["view", "pull"], ["telechat:*"])]
    assert found["items"][0]["before"] == "allowed by research pulls (acl.yml:10)"
    assert found["items"][0]["after"] == "refused: no rule allows it"
    assert found["complete"] and found["accounts"] == [] and found["settings"] == []
    back = answer(config, "acl", "diff", new, config)
    assert [item["change"] for item in back["items"]] == ["gained"]

    images = config.parent / "images.txt"
    images.write_text("# what we have\ntelechat:12b-int8\ntelechat:7b-int8\nother:latest\n")
    known = answer(config, "acl", "diff", config, new, "--images", images)["items"]
    assert [item["images"] for item in known] == [["telechat:12b-int8"]]
    assert known == answer(config, "acl", "diff", config, new, "--images", "-", stdin=images.read_bytes())["items"]

    assert ask(config, "acl", "diff", config, new).returncode == 0
    assert ask(config, "acl", "diff", config, new, "--exit-code").returncode == 1
    same = ask(config, "acl", "diff", config, config, "--exit-code")
    assert same.returncode == 0 and same.stdout == b"no account gains or loses anything\n"


def test_a_diff_tells_changes_of_accounts_and_their_time(config: Path) -> None:
    new = beside(config, "new", POLICY.replace("bob:   {", "bob:   {expires: 2031-01-01, "))
    now = answer(config, "acl", "diff", config, new)
    assert now["items"] == [] and now["accounts"][0]["user"] == "bob"
    later = answer(config, "acl", "diff", config, new, "--at", "2031-06-01")
    assert [item["users"] for item in later["items"]] == [["bob"]]
    assert later["items"][0]["after"] == "refused: the account has expired"


# Replay


@dataclass(frozen=True)
class Traffic:
    lines: list[str]
    refused: dict[tuple[str, str], int]  # by the stricter policy: how many of (tag, rule)
    same: int


def traffic(count: int, since: datetime) -> Traffic:
    """A week of requests, with what STRICTER makes of them."""
    choose = random.Random(20260601)
    lines, refused, same = [], dict[tuple[str, str], int](), 0
    for number in range(count):
        user = choose.choice(("alice", "bob"))
        tag = choose.choice(("7b-int4", "7b-fp16", "12b-int4", "12b-fp16"))
        push = user == "alice" and choose.random() < 0.2
        by_digest = not push and choose.random() < 0.5
        allowed = not (push and tag.endswith("fp16"))
        lines.append(json.dumps({
            "time": (since + timedelta(days=7) * number / count).isoformat().replace("+00:00", "Z"),
            "trace": str(number), "user": user, "address": "192.0.2.7", "method": "PUT" if push else "GET",
            "action": "push" if push else "pull", "repository": "telechat",
            "reference": "sha256:" + "a" * 64 if by_digest else tag, "digest": "",
            "tag": tag if allowed else "", "status": 200 if allowed else 403, "code": "", "bytes_in": 0,
            "bytes_out": 0, "seconds": 0.01, "decision": "allowed" if allowed else "denied", "complete": True,
            "reason": "rule" if allowed else "denied",
            "rule": "research pulls (acl.yml:10)" if allowed else "releases stay (acl.yml:14)", "user_agent": "docker",
        }))
        if user == "bob" and tag.startswith("12b"):
            refused[tag, "pull"] = refused.get((tag, "pull"), 0) + 1
        else:
            same += 1
    return Traffic(lines, refused, same)


def test_a_replay_of_a_week(config: Path) -> None:
    monday = datetime(2026, 6, 1, tzinfo=timezone.utc)
    week = traffic(20_000, monday)
    records = config.parent / "week.log"
    records.write_text("\n".join([*week.lines, '{"time": "2026-06-08T00:00:00Z", "cut off']) + "\n")
    new = beside(config, "new", STRICTER)
    result = ask(config, "acl", "replay", new, "--records", records, "--format", "json")
    assert result.returncode == 0 and b"week.log:20001: is no JSON" in result.stderr
    found = json.loads(result.stdout)
    assert {(item["tag"], item["action"]): item["requests"] for item in found["items"]} == week.refused
    assert {item["user"] for item in found["items"]} == {"bob"}
    assert found["same"] == week.same and found["allowed"] == 0 and found["passed_over"] == []
    assert found["refused"] == sum(week.refused.values())
    assert {item["before"] for item in found["items"]} == {"allowed by research pulls (acl.yml:10)"}

    # By the policy of then, all is as it was; with --since only a part is asked.
    assert answer(config, "acl", "replay", config, "--records", records)["items"] == []
    part = answer(config, "acl", "replay", new, "--records", records, "--since", "2026-06-05")
    assert 0 < part["refused"] < found["refused"]
    assert all(item["first"] >= "2026-06-05" for item in part["items"])
    assert ask(config, "acl", "replay", new, "--records", records, "--exit-code").returncode == 1
    table = ask(config, "acl", "replay", new, "--records", records)
    assert f"{found['refused']} requests that were allowed would be refused".encode() in table.stdout


Request = tuple[str, str, str]  # user, method, target


def requests_of(gate: Gate, names: dict[str, str], layers: dict[str, str]) -> list[tuple[Request, int]]:
    """What alice and bob ask of each tag, and the answers."""
    answers = []
    for user in ("alice", "bob"):
        for tag in names:
            for target in (f"manifests/{tag}", f"manifests/{names[tag]}", f"blobs/{layers[tag]}"):
                got = gate.ask("GET", f"/v2/telechat/{target}", user=user, fields=[("Accept", MANIFEST)])
                answers.append(((user, tag, target.split("/")[0]), got.status))
    return answers


def test_a_replay_says_what_the_gate_then_does(
    make_gate: GateMaker, registry: Registry, tmp_path: Path
) -> None:
    gate = make_gate(registry.url, POLICY, PASSWORDS)
    names, layers = {}, {}
    with Client(gate.connect, gate.credential("root")) as client:
        for tag in ("7b-int4", "12b-int4", "12b-int8"):
            made = image({tag: tag.encode()})
            names[tag], layers[tag] = client.push("telechat", tag, made), digest_of(made.layers[0])
    before = requests_of(gate, names, layers)
    assert all(status == 200 for _, status in before)
    gate.ask("GET", "/v2/telechat/tags/list", user="alice", fields=[("User-Agent", "the last one")])
    gate.wait_record(lambda record: record["user_agent"] == "the last one")

    new = tmp_path / "new.yml"
    new.write_text(STRICTER)

    def foretell(*more: str) -> tuple[dict[tuple[str, str], int], int]:
        verb = gate.run_verb("acl", "replay", str(new), "--since", "1h", "--format", "json", *more)
        found = json.loads(verb.stdout)
        for item in found["items"]:
            assert item["now"] == "refused" and item["name"] == "telechat" and item["action"] == "pull"
        return {(item["user"], item["tag"]): item["requests"] for item in found["items"]}, found["same"]

    # The JSON lines and, a moment later, the database say the same.
    lines = foretell("--records", str(gate.state / "access.log"))
    assert gate.process is not None
    gate.process.wait_until(lambda: foretell() == lines, 10, "all records in the database")
    foretold, _ = lines

    generation = gate.metrics()["layergate_policy_generation"]
    gate.write_policy(STRICTER)
    gate.process.wait_until(
        lambda: gate.metrics()["layergate_policy_generation"] > generation, 10, "the new policy")
    seen: dict[tuple[str, str], int] = {}
    for (user, tag, _), status in requests_of(gate, names, layers):
        if status != 200:
            seen[user, tag] = seen.get((user, tag), 0) + 1
    assert seen == foretold == {("bob", "12b-int4"): 3, ("bob", "12b-int8"): 3}

    # The registry's tags are known to a diff of config dirs.
    other = tmp_path / "old"
    other.mkdir()
    (other / "acl.yml").write_text(POLICY)
    lost = json.loads(gate.run_verb("acl", "diff", str(other), str(gate.config), "--format", "json").stdout)["items"]
    assert [item["images"] for item in lost] == [["telechat:12b-int4", "telechat:12b-int8"]]


# Bad input


BAD: list[tuple[list[str], int, str]] = [
    (["acl"], 2, "subcommand is required"),
    (["acl", "dif"], 2, "did you mean diff?"),
    (["acl", "diff", "conf"], 2, "new is required"),
    (["acl", "diff", "conf", "nowhere"], 4, "nowhere"),
    (["acl", "diff", "conf", "empty"], 4, "holds neither layergate.yml nor acl.yml"),
    (["acl", "diff", "conf", "broken.yml"], 3, "broken.yml:"),
    (["acl", "diff", "conf", "conf", "--at", "noon"], 2, "--at takes a time"),
    (["acl", "diff", "conf", "conf", "--images", "nowhere"], 4, "cannot be read"),
    (["acl", "diff", "conf", "conf", "--images", "broken.yml"], 4, "broken.yml:1: is no image"),
    (["acl", "check", "nowhere"], 4, "nowhere"),
    (["acl", "test", "broken.yml"], 3, "broken.yml:"),
    (["acl", "lint", "broken.yml"], 3, "broken.yml:"),
    (["acl", "lint", "conf/htpasswd"], 3, "htpasswd"),
    (["acl", "replay"], 2, "new is required"),
    (["acl", "replay", "conf"], 4, "records.db: is not there"),
    (["acl", "replay", "conf", "--records", "nowhere"], 4, "nowhere: cannot be read"),
    (["acl", "replay", "conf", "--records", "empty"], 4, "is a directory"),
    (["acl", "replay", "conf", "--since", "soon"], 2, "--since takes"),
    (["acl", "replay", "broken.yml"], 3, "broken.yml:"),
    (["access", "who-can"], 2, "name is required"),
    (["access", "who-can", "UPPER"], 2, "is no image"),
    (["access", "who-can", "x", "v1", "--action", "fly"], 2, "action takes"),
    (["access", "explain", "alice", "x"], 2, "tag is required"),
    (["access", "explain", "alice", "x", "v1", "--address", "here"], 2, "address takes"),
    (["acl", "check", "--format", "xml"], 2, "--format"),
]


@pytest.mark.parametrize(("words", "code", "said"), BAD,
                         ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_bad_input_is_told(config: Path, words: list[str], code: int, said: str) -> None:
    root = config.parent
    (root / "empty").mkdir()
    (root / "broken.yml").write_text("no: [policy\n")
    ours = ("conf", "nowhere", "empty", "broken.yml")
    result = ask(config, *(root / word if word.split("/")[0] in ours else word for word in words))
    assert result.returncode == code, result
    assert said in result.stderr.decode(), result.stderr
    assert result.stdout == b""
