"""docs/openapi.yaml says what the program does: each call is there, for whom it is, with these answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
import yaml

from conftest import GateMaker
from harness.gate import ROOT, Gate
from harness.rawhttp import Response
from harness.registry import Registry

POLICY = """\
version: 1
users:
  root:  {permissions: [admin]}
  alice: {permissions: [view, pull, push]}
  bob:   {permissions: [view, pull]}
rules:
  - {name: all of x, who: [alice], images: ["x:*"], allow: [view, pull, push]}
"""
PASSWORDS = {name: f"{name.title()} Passw0rd!" for name in ("root", "alice", "bob")}
DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Call:
    method: str
    path: str  # with its {parameters}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def entry(self) -> dict[str, Any]:
        return DOCUMENT["paths"][self.path][self.method.lower()]

    @property
    def who(self) -> str:
        return self.entry["x-who"]

    def target(self, values: dict[str, str]) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], self.path)


CALLS = [Call(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in METHODS if method in item]
# What the admin port answers itself; all else is one of api/*.cpp.
OF_THE_PORT = {"/session"}


def resolved(node: Any) -> Any:
    """`node`, or what it refers to."""
    while isinstance(node, dict) and "$ref" in node:
        at: Any = DOCUMENT
        for key in node["$ref"].removeprefix("#/").split("/"):
            at = at[key]
        node = at
    return node


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def check_value(value: Any, schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def check_answer(call: Call, response: Response) -> None:
    """Holds the answer against what the document says of this status."""
    answers = call.entry["responses"]
    said = resolved(answers.get(str(response.status)) or answers["default"])
    assert str(response.status) in answers or response.status >= 400, f"{call}: {response.status} is not written down"
    content = said.get("content")
    if content is None:
        assert response.body == b"", f"{call}: a body"
        return
    kind = response["content-type"]
    assert kind in content, f"{call}: {kind}"
    body = json.loads(response.body)
    check_value(body, content[kind]["schema"])
    if response.status >= 400:
        assert body["status"] == response.status
    for name in said.get("headers", {}):
        assert response.get(name) is not None, f"{call}: no {name}"


@pytest.fixture(scope="module")
def gate(make_module_gate: GateMaker, registry: Registry) -> Gate:
    return make_module_gate(registry.url, POLICY, PASSWORDS)


# The document itself


def test_it_is_openapi() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    names = [call.entry["operationId"] for call in CALLS]
    assert len(set(names)) == len(names)
    for call in CALLS:
        assert call.who in ("admin", "account", "anyone", "session", "stranger"), call
        assert call.entry["summary"], call
        assert "default" in call.entry["responses"], call
        given = [resolved(p) for p in call.entry.get("parameters", ())]
        assert {p["name"] for p in given if p["in"] == "path"} == set(re.findall(r"\{(\w+)\}", call.path)), call


def test_what_it_refers_to_is_there_and_no_schema_is_left_over() -> None:
    used = set(references(DOCUMENT))
    for reference in used:
        assert resolved({"$ref": reference}), reference
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert schemas == {reference for reference in used if "/schemas/" in reference}


def test_schemas_are_schemas_and_examples_are_examples() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        if schema.get("type") == "object" and "properties" in schema:
            assert set(schema.get("required", ())) <= set(schema["properties"]), name

    def check(node: Any) -> None:
        if isinstance(node, dict):
            if "example" in node and "schema" in node:
                check_value(node["example"], node["schema"])
            for value in node.values():
                check(value)
        elif isinstance(node, list):
            for value in node:
                check(value)

    check(DOCUMENT)


def test_every_call_of_the_program_is_written_down_and_no_other() -> None:
    routes = re.compile(r'Route\{"([A-Z]+)", "([^"]+)", Who::(\w+)')
    found = {(method, re.sub(r"\{\w+\}", "{}", path)): who
             for file in sorted((ROOT / "api").glob("*.cpp")) for method, path, who in routes.findall(file.read_text())}
    assert found
    written = {(call.method, re.sub(r"\{\w+\}", "{}", call.path)): call.who
               for call in CALLS if call.path not in OF_THE_PORT}
    assert written == found


# The program


VALUES = {"name": "nothing", "tag": "v1", "user": "bob", "id": "0"}


def ask(gate: Gate, call: Call, user: str | None, values: dict[str, str] = VALUES) -> Response:
    body = {} if call.method in ("POST", "PUT", "PATCH") and "requestBody" in call.entry else None
    return gate.call(call.method, call.target(values), body, user=user)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_stranger_gets_401(gate: Gate, call: Call) -> None:
    response = ask(gate, call, None)
    check_answer(call, response)
    assert response.status == (400 if call.who == "stranger" else 401)


@pytest.mark.parametrize("call", [call for call in CALLS if call.who in ("admin", "account", "anyone")], ids=str)
def test_an_account_gets_what_is_its_own(gate: Gate, call: Call) -> None:
    response = ask(gate, call, "alice")
    check_answer(call, response)
    if call.who in ("admin", "account"):  # "nothing" is not alice's
        assert response.status in (403, 404), response
        assert b"root" not in response.body and b"bob" not in response.body
    if call.who == "account":
        own = ask(gate, call, "alice", {**VALUES, "name": "alice"})
        check_answer(call, own)
        assert own.status not in (401, 403, 404), own


@pytest.mark.parametrize("call", [call for call in CALLS if call.who in ("admin", "account", "anyone")], ids=str)
def test_an_administrator_gets_an_answer_that_is_written_down(gate: Gate, call: Call) -> None:
    response = ask(gate, call, "root")
    check_answer(call, response)
    assert response.status not in (401, 403, 405, 500), response


@pytest.mark.parametrize("call", [call for call in CALLS if call.path not in OF_THE_PORT], ids=str)
def test_an_unknown_parameter_is_refused(gate: Gate, call: Call) -> None:
    response = gate.call(call.method, call.target(VALUES) + "?no_such=1", user="root")
    check_answer(call, response)
    assert response.status in (400, 404), response


@pytest.mark.parametrize("path", sorted(set(call.path for call in CALLS)))
def test_what_cannot_be_done_there_is_405_with_what_can(gate: Gate, path: str) -> None:
    able = {call.method for call in CALLS if call.path == path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - able:
        response = gate.call(method, Call(method, path).target(VALUES), user="root")
        assert response.status == 405, (method, path)
        assert set(response["allow"].split(", ")) == able


def call_of(name: str) -> Call:
    return next(call for call in CALLS if call.entry["operationId"] == name)


def test_answers_that_have_something_in_them(make_gate: GateMaker, registry: Registry) -> None:
    gate = make_gate(registry.url, POLICY, PASSWORDS)
    said: set[str] = set()

    def say(operation: str, status: int, body: Any = None, by: str = "root", query: str = "", **values: str) -> Any:
        call = call_of(operation)
        if body is not None:
            check_value(body, call.entry["requestBody"]["content"]["application/json"]["schema"])
        response = gate.call(call.method, call.target(values) + query, body, user=by)
        assert response.status == status, (operation, response)
        check_answer(call, response)
        said.add(operation)
        return json.loads(response.body) if response.body else None

    say("whoami", 200)
    dora = {"name": "dora", "password": "Quiet-Otter-Climbs-42", "permissions": ["view", "pull"], "expires": "2099-01-01",
            "email": "dora@example.com", "from": ["10.0.0.0/8", "127.0.0.0/8"]}
    say("addAccount", 201, dora)
    assert len(say("listAccounts", 200)["items"]) == 4
    say("updateAccount", 200, {"permissions": ["view", "pull", "push"], "expires": None, "email": None}, name="dora")
    gate.passwords["dora"] = dora["password"]  # and it holds at once
    say("showAccount", 200, by="dora", name="dora")
    say("setPassword", 204, {"password": "Nine-Green-Lanterns-7", "old_password": dora["password"]}, by="dora", name="dora")
    gate.passwords["dora"] = "Nine-Green-Lanterns-7"
    say("whoami", 200, by="dora")
    image = {"name": "team/y", "tag": "v1"}
    say("registerImage", 201, {**image, "users": ["alice"], "size": 7, "digest": "sha256:" + "a" * 64,
                               "created": "2026-01-01T00:00:00Z"})
    path = {"name": "team%2Fy", "tag": "v1"}
    say("showImage", 200, **path)
    say("showImage", 404, by="bob", **path)
    assert say("grantAccess", 200, user="dora", **path)["changed"] is True
    say("showImage", 200, by="dora", **path)
    for by, query in (("root", ""), ("root", "?accessible_to=dora"), ("dora", "")):
        assert say("listImages", 200, by=by, query=query)["items"], (by, query)
    about = "?name=team%2Fy&tag=v1"
    assert say("checkAccess", 200, query=about + "&user=dora")["allowed"] is True
    assert say("checkAccess", 200, query=about + "&user=bob&action=push")["allowed"] is False
    say("explainAccess", 200, query=about + "&user=dora")
    say("explainAccess", 200, by="dora", query=about + "&user=dora&action=delete")
    say("explainAccess", 403, by="dora", query=about + "&user=alice")
    assert say("whoCan", 200, query=about)["items"]
    assert say("revokeAccess", 200, user="dora", **path)["changed"] is True
    say("showImage", 404, by="dora", **path)
    say("removeImage", 204, **path)
    say("removeAccount", 204, name="dora")
    say("whoami", 401, by="dora")
    assert say("listRecords", 200)["items"], "what was just done"
    say("sumRecords", 200)
    say("listAnomalies", 200)
    say("verifyRecords", 200)
    login = {"user": "root", "password": PASSWORDS["root"]}
    say("openSession", 201, login)
    assert said | {"showSession", "endSession"} == {call.entry["operationId"] for call in CALLS}, "and no call is left out"
