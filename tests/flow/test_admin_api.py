"""/api/v1 as a transport: who may ask and how, sessions, other people's pages, bodies, and its bounds.

What the calls themselves do is tested where they are.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from conftest import GateMaker
from harness.gate import Gate
from harness.rawhttp import BadResponse, Connection, Response, basic
from harness.registry import Registry

POLICY = """\
version: 1
users:
  root:  {permissions: [admin]}
  alice: {permissions: [view, pull, push]}
  off:   {permissions: [admin], enabled: false}
  gone:  {permissions: [admin], expires: 2020-01-01T00:00:00Z}
  far:   {permissions: [admin], from: [192.0.2.0/24]}
rules:
  - {who: [alice], images: ["**"], allow: [view, pull, push]}
"""
PASSWORDS = {name: f"{name.title()} Passw0rd!" for name in ("root", "alice", "off", "gone", "far", "nobody")}
MARK = ("X-Layergate-Request", "1")
JSON = ("Content-Type", "application/json")


@pytest.fixture(scope="module")
def shared(make_module_gate: GateMaker, registry: Registry) -> Gate:
    """For tests that change nothing of it."""
    settings = {"admin": {"names": ["gate.example.com"], "trusted_proxies": ["127.0.0.2/32"]}}
    return make_module_gate(registry.url, POLICY, PASSWORDS, settings=settings)


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    return make_gate(registry.url, POLICY, PASSWORDS)


def told(response: Response) -> dict[str, object]:
    return json.loads(response.body)


def is_problem(response: Response, status: int, code: str) -> str:
    """Checks that it is that problem; its sentence."""
    assert response.status == status, response
    assert response["content-type"] == "application/problem+json"
    detail = told(response)
    assert (detail["status"], detail["code"]) == (status, code), detail
    assert detail["title"] and detail["type"] == "about:blank"
    return str(detail["detail"])


# Who asks


def test_an_account_is_told_who_it_is(shared: Gate) -> None:
    for user, admin in (("root", True), ("alice", False)):
        response = shared.call("GET", "/me", user=user)
        assert response.status == 200 and told(response) == {"account": user, "admin": admin}
        assert response["content-type"] == "application/json"


def test_every_account_that_cannot_be_used_gets_the_same_401(shared: Gate) -> None:
    answers = [shared.call("GET", "/me", user=user) for user in ("off", "gone", "nobody")]
    answers += [shared.call("GET", "/me", user="alice", password="Wrong Passw0rd!"),
                shared.call("GET", "/me", user="stranger", password="Wrong Passw0rd!"),
                shared.call("GET", "/me"),
                shared.call("GET", "/me", fields=[("Authorization", "Basic !!!")]),
                shared.call("GET", "/me", fields=[("Authorization", "Bearer abc")])]
    bodies = {answer.body for answer in answers}
    assert len(bodies) == 1
    for answer in answers:
        is_problem(answer, 401, "unauthorized")
        assert answer["www-authenticate"].startswith("Basic realm=")


def test_from_a_wrong_address_the_right_password_gets_403(shared: Gate) -> None:
    is_problem(shared.call("GET", "/me", user="far"), 403, "denied")
    is_problem(shared.call("GET", "/me", user="far", password="Wrong Passw0rd!"), 401, "unauthorized")


def test_a_trusted_proxy_says_whose_request_it_is(shared: Gate) -> None:
    forwarded = [("X-Forwarded-For", "192.0.2.7")]
    assert shared.call("GET", "/me", user="far", fields=forwarded, source="127.0.0.2").status == 200
    assert shared.call("GET", "/me", user="far", fields=forwarded, source="127.0.0.3").status == 403
    bad = [("X-Forwarded-For", "here")]
    is_problem(shared.call("GET", "/me", user="far", fields=bad, source="127.0.0.2"), 400, "usage")


def test_a_page_is_not_asked_for_a_password_by_the_browser(shared: Gate) -> None:
    response = shared.call("GET", "/me", fields=[("Sec-Fetch-Site", "same-origin")])
    assert response.status == 401 and response.get("www-authenticate") is None


def test_rights_are_those_of_the_policy_in_force(gate: Gate) -> None:
    assert told(gate.call("GET", "/me", user="alice"))["admin"] is False
    gate.write_policy(POLICY.replace("alice: {permissions: [view, pull, push]}", "alice: {permissions: [admin]}"))
    assert gate.process is not None
    gate.process.wait_until(lambda: told(gate.call("GET", "/me", user="alice"))["admin"] is True, 10, "the new policy")


def test_guesses_are_throttled_as_at_the_other_port(make_gate: GateMaker, registry: Registry) -> None:
    gate = make_gate(registry.url, POLICY, PASSWORDS)
    statuses = [gate.call("GET", "/me", user="alice", password=f"Wrong Passw0rd! {n}").status for n in range(40)]
    assert statuses[0] == 401 and statuses[-1] == 429
    throttled = gate.call("GET", "/me", user="alice", password="Wrong again!")
    is_problem(throttled, 429, "too_many_requests")
    assert int(throttled["retry-after"]) > 0
    assert gate.ask("GET", "/v2/", user="alice", password="Wrong again!").status == 429, "one and the same limit"
    record = gate.wait_record(lambda r: r["status"] == 401)
    assert record["user"] == "alice" and "admin port" in record["reason"]


# Whose page it is


@pytest.mark.parametrize(("host", "status"), [
    ("127.0.0.1", 200), ("127.0.0.1:8080", 200), ("[::1]:8080", 200), ("localhost", 200), ("LOCALHOST:1", 200),
    ("gate.example.com", 200), ("Gate.Example.com:8080", 200), ("10.1.2.3", 200),
    ("evil.example.com", 421), ("gate.example.com.evil.example", 421), ("127.0.0.1.evil.example", 421),
    ("localhost.evil.example", 421), ("0x7f.1", 421),
    ("", 400), (":8080", 400), ("127.0.0.1:8080x", 400), ("[127.0.0.1]", 400), ("[::1", 400), ("user@127.0.0.1", 421),
])
def test_only_names_of_ours_are_answered(shared: Gate, host: str, status: int) -> None:
    with Connection(shared.admin) as connection:
        response = connection.request("GET", "/api/v1/me", [shared.credential("alice")], host=host)
    assert response.status == status, response
    for target in ("/readyz", "/metrics", "/"):
        with Connection(shared.admin) as connection:
            assert connection.request("GET", target, host=host).status == status
    with Connection(shared.admin) as connection:
        assert connection.request("GET", "/healthz", host=host).status == 200


def test_a_host_that_stands_twice_is_refused(shared: Gate) -> None:
    with Connection(shared.admin) as connection:
        response = connection.request("GET", "/api/v1/me", [("Host", "evil.example"), shared.credential("alice")],
                                      host="127.0.0.1")
    is_problem(response, 400, "usage")


def test_a_target_with_a_host_of_its_own_is_no_call(shared: Gate) -> None:
    with Connection(shared.admin) as connection:
        response = connection.request("GET", "http://evil.example/api/v1/me", [shared.credential("alice")],
                                      host="127.0.0.1")
    assert response.status in (400, 404)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_of_other_sites_are_refused(shared: Gate, site: str, method: str) -> None:
    response = shared.call(method, "/me", user="root", fields=[("Sec-Fetch-Site", site)])
    is_problem(response, 403, "denied")


@pytest.mark.parametrize(("origin", "refused"), [
    ("http://{}", False), ("https://{}", False), ("http://evil.example", True), ("null", True), ("", True),
    ("http://{}.evil.example", True), ("{}", True),
])
def test_a_change_comes_from_our_own_origin(shared: Gate, origin: str, refused: bool) -> None:
    origin = origin.format("%s:%d" % shared.admin)
    response = shared.call("POST", "/me", user="root", fields=[("Origin", origin)])
    assert response.status == (403 if refused else 405), response


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_change_needs_a_field_that_no_form_can_send(shared: Gate, method: str) -> None:
    unmarked = shared.ask_admin("/api/v1/me", method, [shared.credential("root")])
    assert "X-Layergate-Request" in is_problem(unmarked, 403, "denied")
    assert unmarked.get("access-control-allow-origin") is None
    marked = shared.ask_admin("/api/v1/me", method, [shared.credential("root"), MARK])
    is_problem(marked, 405, "usage")
    assert marked["allow"] == "GET"


# What is asked


@pytest.mark.parametrize("path", [
    "/me/", "//me", "/./me", "/x/../me", "/%2e%2e/me", "/me%", "/me%2", "/me%zz", "/%00", "/a%0ab", "/%ff", "/me?a=%",
    "/me?a=1&a=2", "/me?a=1;b=2", "/me?%00=1", "/me?a=%ff",
])
def test_malformed_targets_are_refused(shared: Gate, path: str) -> None:
    is_problem(shared.call("GET", path, user="root"), 400, "usage")


def test_what_is_no_call(shared: Gate) -> None:
    for path in ("", "/", "/nothing", "/me/x", "/me%2Fx", "/accounts%2Falice"):
        is_problem(shared.call("GET", path, user="root"), 404, "not_found")
    assert "did you mean" not in is_problem(shared.call("GET", "/me?limit=1", user="root"), 400, "usage")


def test_a_stranger_is_told_nothing_of_what_there_is(shared: Gate) -> None:
    answers = {shared.call(method, path).body for method in ("GET", "PUT") for path in ("/me", "/nothing", "/accounts/alice")}
    assert len(answers) == 1


def test_head_is_get_without_its_body(shared: Gate) -> None:
    got, head = (shared.call(method, "/me", user="root") for method in ("GET", "HEAD"))
    assert head.status == 200 and head.body == b""
    assert head["content-length"] == got["content-length"]


def test_answers_are_careful_with_browsers(shared: Gate) -> None:
    for response in (shared.call("GET", "/me", user="root"), shared.call("GET", "/me"), shared.ask_admin("/")):
        assert response["cache-control"] == "no-store"
        assert response["x-content-type-options"] == "nosniff"
        assert response["x-frame-options"] == "DENY"
        assert "default-src 'none'" in response["content-security-policy"]
        assert response["referrer-policy"] == "no-referrer"
    traces = {shared.call("GET", "/me", user="root")["x-request-id"] for _ in range(5)}
    assert len(traces) == 5


# Sessions


class Page:
    """What a browser keeps of the page."""

    def __init__(self, gate: Gate, *extra: tuple[str, str], source: str | None = None) -> None:
        self.gate, self.extra, self.source = gate, extra, source
        self.cookie = self.csrf = ""

    def ask(self, method: str, path: str, body: object = None, csrf: str | None = None) -> Response:
        fields = [("Sec-Fetch-Site", "same-origin"), *self.extra]
        if self.cookie:
            fields.append(("Cookie", f"theme=dark; {self.cookie}; x=y"))
        csrf = self.csrf if csrf is None else csrf
        if method != "GET" and csrf:
            fields.append(("X-CSRF-Token", csrf))
        return self.gate.call(method, path, body, fields=fields, source=self.source)

    def log_in(self, user: str = "root", password: str | None = None) -> Response:
        password = self.gate.passwords[user] if password is None else password
        response = self.ask("POST", "/session", {"user": user, "password": password})
        if response.status == 201:
            self.cookie = response["set-cookie"].split(";")[0]
            self.csrf = str(told(response)["csrf_token"])
        return response


def test_a_session_from_its_beginning_to_its_end(shared: Gate) -> None:
    page = Page(shared)
    is_problem(page.ask("GET", "/session"), 401, "unauthorized")
    opened = page.log_in()
    assert opened.status == 201 and opened["location"] == "/api/v1/session"
    assert re.fullmatch(r"layergate_session=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict", opened["set-cookie"])
    assert told(opened)["account"] == "root" and told(opened)["admin"] is True
    assert page.cookie.split("=")[1] not in opened.body.decode()
    assert told(page.ask("GET", "/session")) == told(opened)
    assert told(page.ask("GET", "/me")) == {"account": "root", "admin": True}
    ended = page.ask("DELETE", "/session")
    assert ended.status == 204 and "Max-Age=0" in ended["set-cookie"] and ended.body == b""
    for path in ("/me", "/session"):
        response = page.ask("GET", path)
        is_problem(response, 401, "unauthorized")
        assert response.get("www-authenticate") is None


def test_a_session_changes_nothing_without_its_token(shared: Gate) -> None:
    page, other = Page(shared), Page(shared)
    page.log_in()
    other.log_in()
    for token in ("", "x", other.csrf, page.csrf[:-1], page.csrf + "0", page.csrf.upper().replace("0", "O")):
        assert page.ask("PUT", "/me", csrf=token).status == 403, token
        assert page.ask("DELETE", "/session", csrf=token).status == 403, token
    assert page.ask("PUT", "/me").status == 405, "the right one"


def test_who_found_a_session_open_cannot_guess_its_password(shared: Gate) -> None:
    page = Page(shared)
    page.log_in("alice")
    for n in range(5):
        answer = page.ask("PUT", "/accounts/alice/password",
                          {"old_password": f"Wrong Passw0rd {n}!", "password": "Quiet-Otter-Climbs-42"})
        is_problem(answer, 403, "denied")
    answer = page.ask("PUT", "/accounts/alice/password",
                      {"old_password": PASSWORDS["alice"], "password": "Quiet-Otter-Climbs-42"})
    is_problem(answer, 401, "unauthorized")
    assert Page(shared).log_in("alice").status == 201


def test_an_empty_condition_is_no_condition_at_all(shared: Gate) -> None:
    answer = shared.call("PATCH", "/accounts/alice", {"email": "a@example.com"},
                         fields=[MARK, ("If-Match", "")], user="root")
    assert "If-Match" in is_problem(answer, 400, "usage")


def test_a_cookie_that_is_none_of_ours(shared: Gate) -> None:
    page = Page(shared)
    page.log_in()
    whole = page.cookie
    for cookie in (whole[:-1], whole + "0", "layergate_session=", "layergate_session", whole.upper(),
                   "x" + whole, whole.replace("layergate_session", "__Host-layergate_session"),
                   "layergate_session=" + "0" * 64, "layergate_session=" + "a" * 5000):
        page.cookie = cookie
        assert page.ask("GET", "/me").status == 401, cookie


def test_wrong_logins_are_all_alike(shared: Gate) -> None:
    answers = [Page(shared).log_in(user) for user in ("off", "gone", "nobody")]
    answers += [Page(shared).log_in("alice", "Wrong Passw0rd!"), Page(shared).log_in("stranger", "Wrong Passw0rd!"),
                Page(shared).log_in("a:b", "x"), Page(shared).log_in("alice", "x" * 2000),
                Page(shared).log_in("alice\u0000", "x")]
    for answer in answers:
        is_problem(answer, 401, "unauthorized")
        assert answer.get("set-cookie") is None and answer.get("www-authenticate") is None
    assert len({answer.body for answer in answers}) == 1
    is_problem(Page(shared).log_in("far"), 403, "denied")


@pytest.mark.parametrize("body", [
    None, {}, [], "root", {"user": "root"}, {"user": "root", "password": ""}, {"user": 7, "password": "x"},
    {"user": "root", "password": ["x"]}, {"user": "root", "password": "x", "admin": True},
])
def test_a_login_that_is_none(shared: Gate, body: object) -> None:
    is_problem(Page(shared).ask("POST", "/session", body), 400, "usage")


def test_a_login_by_a_form_of_another_page_is_refused(shared: Gate) -> None:
    body = json.dumps({"user": "root", "password": PASSWORDS["root"]}).encode()
    plain = shared.ask_admin("/api/v1/session", "POST", [("Content-Type", "text/plain")], body)
    is_problem(plain, 403, "denied")
    marked = shared.ask_admin("/api/v1/session", "POST", [("Content-Type", "text/plain"), MARK], body)
    is_problem(marked, 415, "usage")


def test_a_login_replaces_the_session_before(shared: Gate) -> None:
    page = Page(shared)
    page.log_in()
    before = page.cookie
    page.log_in()
    assert page.cookie != before and page.ask("GET", "/me").status == 200
    page.cookie = before
    assert page.ask("GET", "/me").status == 401


def test_behind_https_the_cookie_is_for_https_alone(shared: Gate) -> None:
    page = Page(shared, ("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "127.0.0.9"), source="127.0.0.2")
    opened = page.log_in()
    assert re.fullmatch(
        r"__Host-layergate_session=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict; Secure", opened["set-cookie"])
    assert page.ask("GET", "/me").status == 200
    page.extra = ()
    assert page.ask("GET", "/me").status == 401, "not over http"
    stranger = Page(shared, ("X-Forwarded-Proto", "https"), source="127.0.0.3")
    assert "Secure" not in stranger.log_in()["set-cookie"], "whoever is not trusted is not believed"


@pytest.mark.parametrize("how", ["password", "line", "disabled", "expired", "user"])
def test_a_session_ends_with_what_it_stands_on(gate: Gate, how: str) -> None:
    page, alice = Page(gate), Page(gate)
    page.log_in()
    alice.log_in("alice")
    root = "root:  {permissions: [admin]}"
    if how == "password":
        gate.write_passwords({**PASSWORDS, "root": "Another Passw0rd!"})
    elif how == "line":
        gate.write_passwords({name: password for name, password in PASSWORDS.items() if name != "root"})
    elif how == "disabled":
        gate.write_policy(POLICY.replace(root, "root:  {permissions: [admin], enabled: false}"))
    elif how == "expired":
        gate.write_policy(POLICY.replace(root, "root:  {permissions: [admin], expires: 2021-01-01T00:00:00Z}"))
    else:
        gate.write_policy(POLICY.replace("  " + root + "\n", ""))
    assert gate.process is not None
    gate.process.wait_until(lambda: page.ask("GET", "/me").status == 401, 10, "the end of the session")
    assert alice.ask("GET", "/me").status == 200, "but only of this one"
    gate.write_policy(POLICY)
    gate.write_passwords(PASSWORDS)
    gate.process.wait_until(lambda: gate.call("GET", "/me", user="root").status == 200, 10, "the account again")
    assert page.ask("GET", "/me").status == 401, "what has ended has ended"


def test_a_session_shows_the_rights_of_now(gate: Gate) -> None:
    page = Page(gate)
    page.log_in("alice")
    gate.write_policy(POLICY.replace("alice: {permissions: [view, pull, push]}", "alice: {permissions: [admin]}"))
    assert gate.process is not None
    gate.process.wait_until(lambda: told(page.ask("GET", "/me"))["admin"] is True, 10, "the new policy")


def test_an_unused_session_ends(make_gate: GateMaker, registry: Registry) -> None:
    gate = make_gate(registry.url, POLICY, PASSWORDS, settings={"admin": {"session_idle": "1s"}})
    page = Page(gate)
    assert page.log_in().status == 201
    time.sleep(1.1)  # asking whether it still lives would keep it alive
    assert page.ask("GET", "/me").status == 401


def test_an_account_has_no_end_of_sessions(shared: Gate) -> None:
    pages = [Page(shared) for _ in range(18)]
    for page in pages:
        assert page.log_in("alice").status == 201
    assert [page.ask("GET", "/me").status for page in pages] == [401] * 2 + [200] * 16


# Lists and ETags


def test_a_list_is_read_page_by_page(shared: Gate) -> None:
    names: list[str] = []
    query = "?limit=2"
    while True:
        page = told(shared.call("GET", "/accounts" + query, user="root"))
        items = page["items"]
        assert isinstance(items, list) and 0 < len(items) <= 2
        names += [item["name"] for item in items]
        if page["next"] is None:
            break
        query = f"?limit=2&cursor={page['next']}"
    assert names == sorted({"root", "alice", "off", "gone", "far"} | set(names))
    assert {"root", "alice", "off", "gone", "far"} <= set(names)
    cursor = query.removeprefix("?limit=2&cursor=")
    for bad in ("x", cursor[:-1], cursor + "00", cursor.upper() + "A", ""):
        is_problem(shared.call("GET", "/accounts?cursor=" + bad, user="root"), 400, "usage")
    is_problem(shared.call("GET", "/images?cursor=" + cursor, user="root"), 400, "usage")
    for limit in ("0", "1001", "-1", "x", ""):
        is_problem(shared.call("GET", "/accounts?limit=" + limit, user="root"), 400, "usage")


def test_a_change_of_what_was_changed_meanwhile_is_refused(gate: Gate) -> None:
    new = {"name": "dora", "password": "Quiet-Otter-Climbs-42", "permissions": ["view"]}
    made = gate.call("POST", "/accounts", new, user="root")
    assert made.status == 201 and made["location"] == "/api/v1/accounts/dora"
    first = gate.call("GET", "/accounts/dora", user="root")["etag"]
    assert first == made["etag"]

    def update(permissions: list[str], etag: str) -> Response:
        return gate.call("PATCH", "/accounts/dora", {"permissions": permissions}, user="root", fields=[("If-Match", etag)])

    changed = update(["view", "pull"], first)
    assert changed.status == 200 and changed["etag"] != first
    is_problem(update(["view", "push"], first), 412, "changed")
    is_problem(update(["view", "push"], "dora"), 400, "usage")
    assert told(gate.call("GET", "/accounts/dora", user="root"))["permissions"] == ["view", "pull"]
    assert update(["view", "push"], f'"x", {changed["etag"]}').status == 200
    assert update(["view"], "*").status == 200


def test_a_change_holds_when_it_is_answered(gate: Gate) -> None:
    """A revoked right holds for the next request, whichever port it comes to."""
    gate.passwords["dora"] = "Quiet-Otter-Climbs-42"
    for _ in range(5):
        new = {"name": "dora", "password": gate.passwords["dora"], "permissions": ["view"]}
        assert gate.call("POST", "/accounts", new, user="root").status == 201
        assert gate.ask("GET", "/v2/", user="dora").status == 200
        assert gate.call("PATCH", "/accounts/dora", {"enabled": False}, user="root").status == 200
        assert gate.ask("GET", "/v2/", user="dora").status == 401
        assert gate.call("PATCH", "/accounts/dora", {"enabled": True}, user="root").status == 200
        assert gate.ask("GET", "/v2/", user="dora").status == 200
        assert gate.call("DELETE", "/accounts/dora", user="root").status == 204
        assert gate.ask("GET", "/v2/", user="dora").status == 401


def test_a_session_changes_what_its_account_may(gate: Gate) -> None:
    root, alice = Page(gate), Page(gate)
    root.log_in()
    alice.log_in("alice")
    is_problem(alice.ask("PATCH", "/accounts/alice", {"permissions": ["admin"]}), 403, "denied")
    assert root.ask("PATCH", "/accounts/nobody", {"email": None}).status in (200, 404)
    new = {"name": "dora", "password": "Quiet-Otter-Climbs-42", "permissions": ["view"]}
    is_problem(root.ask("POST", "/accounts", new, csrf=""), 403, "denied")
    assert root.ask("POST", "/accounts", new).status == 201


# Bodies


@pytest.mark.parametrize("body", [
    b"{", b"nothing", b"{'user': 1}", b'{"user": "root",}', b"{}{}", b"\xff", b'{"user": "\xff"}', b'{"a": NaN}',
    b'{"user": "root", "user": "alice", "password": "x"}', b'{"user": "root", "us\\u0065r": "alice", "password": "x"}',
    b"[" * 17 + b"]" * 17, b"[" * 100_000, b'{"a":' * 100_000, b"[" + b"0," * 60_000 + b"0]", b'{"a": 1e999}',
    b'{"user": "\\ud800", "password": "x"}', b"\xef\xbb\xbf{", b"\x00", b'{"user": "a\nb", "password": "x"}',
    b'{"a": 0123}', b'{"a": .5}', b"// x\n{}",
], ids=lambda body: repr(body[:24]))
def test_malformed_bodies_are_refused(shared: Gate, body: bytes) -> None:
    fields = [MARK, JSON, shared.credential("root")]
    is_problem(shared.ask_admin("/api/v1/accounts", "POST", fields, body), 400, "usage")
    if len(body) < 8192:
        is_problem(shared.ask_admin("/api/v1/session", "POST", [MARK, JSON], body), 400, "usage")
    assert shared.ask_admin("/healthz").status == 200


@pytest.mark.parametrize(("type_", "status"), [
    ("application/json", 400), ("Application/JSON; charset=UTF-8", 400), ('application/json;charset="utf-8"', 400),
    ("application/json; charset=latin-1", 415), ("text/json", 415), ("application/x-www-form-urlencoded", 415),
    ("multipart/form-data; boundary=x", 415), ("application/jsonx", 415), ("", 415), (None, 415),
])
def test_the_type_of_a_body(shared: Gate, type_: str | None, status: int) -> None:
    fields = [MARK, *([] if type_ is None else [("Content-Type", type_)])]
    response = shared.ask_admin("/api/v1/session", "POST", fields, b"{}")
    is_problem(response, status, "usage")


def test_a_body_has_a_mebibyte_at_most(shared: Gate) -> None:
    fits = json.dumps({"user": "a" * (1024 * 1024 - 100), "password": "x"}).encode()
    is_problem(shared.ask_admin("/api/v1/accounts", "POST", [MARK, JSON, shared.credential("root")], fits), 400, "usage")
    # Strangers have less: what they send is read on the loop.
    is_problem(shared.ask_admin("/api/v1/session", "POST", [MARK, JSON], fits[:8193]), 413, "usage")
    with Connection(shared.admin) as connection:
        connection.send(b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Layergate-Request: 1\r\n"
                        b"Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n")
        assert connection.read_head().status == 413
    with Connection(shared.admin) as connection:
        connection.send(b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Layergate-Request: 1\r\n"
                        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        try:
            for _ in range(40):
                connection.send(chunk)
            assert connection.read_head().status == 413
        except (BadResponse, ConnectionError):
            pass  # or it is simply cut off
    assert shared.ask_admin("/healthz").status == 200


def test_get_takes_no_body(shared: Gate) -> None:
    response = shared.ask_admin("/api/v1/me", "GET", [shared.credential("root"), JSON], b"{}")
    # With a length of its own: the harness sends none for GET without a body.
    assert response.status in (200, 400)


@pytest.mark.parametrize("field", ["Authorization", "Content-Type", "X-CSRF-Token", "Origin", "If-Match"])
def test_a_field_that_stands_twice_is_refused(shared: Gate, field: str) -> None:
    value = shared.credential("root")[1] if field == "Authorization" else "application/json"
    response = shared.ask_admin("/api/v1/me", "GET", [(field, value), (field, value)])
    is_problem(response, 400, "usage")


# Bounds


@pytest.mark.concurrent
def test_many_at_once(shared: Gate) -> None:
    def ask(number: int) -> int:
        if number % 3 == 0:
            return shared.call("GET", "/me", user="root", timeout=60).status
        if number % 3 == 1:
            page = Page(shared)
            status = page.log_in("alice").status
            return 200 if status == 201 and page.ask("GET", "/session").status in (200, 401) else status
        return shared.call("GET", "/me", user="alice", timeout=60).status

    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(ask, range(300))) == {200}


@pytest.mark.concurrent
def test_clients_that_leave_do_no_harm(shared: Gate) -> None:
    """Their requests are carried out, and answered to nobody."""
    credential = basic("root", PASSWORDS["root"])
    body = json.dumps({"user": "alice", "password": PASSWORDS["alice"]})

    def leave(number: int) -> None:
        with Connection(shared.admin) as connection:
            if number % 2:
                connection.send(f"GET /api/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\n{': '.join(credential)}\r\n\r\n".encode())
            else:
                connection.send(f"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Layergate-Request: 1\r\n"
                                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(leave, range(200)))
    assert shared.call("GET", "/me", user="root", timeout=60).status == 200


def test_what_follows_a_request_is_not_read_as_another(shared: Gate) -> None:
    """A call is answered later than it was read; what came meanwhile must not disturb it."""
    credential = ": ".join(basic("root", PASSWORDS["root"]))
    one = f"GET /api/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\n{credential}\r\n\r\n".encode()
    for rest in (one, b"\x00" * 1000, b"GET / HTTP/1.1\r\n", b"\r\n\r\n"):
        with Connection(shared.admin) as connection:
            connection.send(one + rest)
            with suppress(ConnectionError):
                connection.send(rest)
            assert connection.read_response().status == 200
            connection.read_rest()
    assert shared.ask_admin("/healthz").status == 200


@pytest.fixture
def slow_clients(shared: Gate) -> Iterator[list[Connection]]:
    with ExitStack() as stack:
        connections = [stack.enter_context(Connection(shared.admin)) for _ in range(40)]
        for connection in connections:
            connection.send(b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Layergate-Request: 1\r\n"
                            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        yield connections


@pytest.mark.concurrent
def test_slow_bodies_hold_nobody_up(shared: Gate, slow_clients: list[Connection]) -> None:
    for _ in range(10):
        assert shared.call("GET", "/me", user="root").status == 200
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.05):
            for connection in slow_clients:
                with suppress(ConnectionError):
                    connection.send(b" ")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        for _ in range(10):
            assert shared.call("GET", "/me", user="alice").status == 200
    finally:
        stop.set()
        thread.join()
