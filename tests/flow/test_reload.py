"""Policy and passwords change under a running gate: all or nothing, at once, and nothing breaks."""

from __future__ import annotations

import functools
import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import GateMaker
from harness import waiting
from harness.client import Client, with_query
from harness.gate import Gate, is_sanitized
from harness.images import MANIFEST, artifact, image
from harness.rawhttp import digest_of, head
from harness.registry import Registry

POLICY = """\
version: 1
groups:
  team: [alice]
users:
  alice: {permissions: [view, pull, push]}
  bob:   {permissions: [view, pull]}
rules:
  - {who: ["@team"], images: ["**"], allow: [view, pull, push]}
"""
BOB_TOO = POLICY + '  - {who: [bob], images: ["**"], allow: [view, pull]}\n'
PASSWORDS = {"alice": "Alice Passw0rd!", "bob": "Bob Passw0rd!"}
TARGET = "/v2/reload/manifests/latest"
ACCEPT = ("Accept", MANIFEST)
MODEL = "application/vnd.test.model"
# The directory is watched, and polled where watching fails.
SOON = 8.0 if is_sanitized() else 3.0
wait = functools.partial(waiting.wait, seconds=SOON)


@pytest.fixture(scope="module", autouse=True)
def pushed(registry: Registry) -> None:
    with Client(registry.connect) as client:
        client.push("reload", "latest", image())


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    return make_gate(registry.url, POLICY, PASSWORDS)


def status(gate: Gate, user: str, password: str | None = None) -> int:
    return gate.ask("GET", TARGET, user=user, password=password, fields=[ACCEPT]).status


def reaches(gate: Gate, user: str, expected: int) -> None:
    wait(lambda: status(gate, user) == expected, f"{user} gets {expected}")


# Mistakes. Each is a whole acl.yml; `line` is where the mistake stands.
@dataclass(frozen=True)
class Mistake:
    name: str
    text: str
    line: int


def changed(old: str, new: str) -> str:
    assert old in POLICY
    # Bob would be let in if any part of the file counted.
    return BOB_TOO.replace(old, new, 1)


MISTAKES = [
    Mistake("an unknown key", BOB_TOO + "deny: []\n", 10),
    Mistake("an unknown key of a rule", changed("allow: [view, pull, push]", "alow: [view, pull]"), 8),
    Mistake("an unknown key of a user", changed("bob:   {", "bob:   {role: x, "), 6),
    Mistake("a section twice", BOB_TOO + "rules: []\n", 10),
    Mistake("a user twice", changed("  bob: ", "  alice: {permissions: [admin]}\n  bob: "), 6),
    Mistake("a key of a user twice", changed("bob:   {", "bob:   {enabled: true, enabled: true, "), 6),
    Mistake("a group twice", changed("  team: [alice]", "  team: [alice]\n  team: [bob]"), 4),
    Mistake("an unknown group", changed('who: ["@team"]', 'who: ["@teem"]'), 8),
    Mistake("an unknown user in a rule", changed('who: ["@team"]', "who: [alcie]"), 8),
    Mistake("an unknown user in a group", changed("team: [alice]", "team: [alcie]"), 3),
    Mistake("an unknown action", changed("allow: [view, pull, push]", "allow: [view, puls]"), 8),
    Mistake("an unknown permission", changed("bob:   {permissions: [view, pull]}",
                                             "bob:   {permissions: [veiw]}"), 6),
    Mistake("admin as an action", changed("allow: [view, pull, push]", "allow: [admin]"), 8),
    Mistake("a bad pattern", changed('images: ["**"]', 'images: ["Upper/**"]'), 8),
    Mistake("an empty pattern", changed('images: ["**"]', 'images: [""]'), 8),
    Mistake("a bad time", changed("bob:   {", "bob:   {expires: tomorrow, "), 6),
    Mistake("a day that does not exist", changed("bob:   {", "bob:   {expires: 2027-02-30T00:00:00Z, "), 6),
    Mistake("a bad address", changed("bob:   {", "bob:   {from: [10.0.0.0/33], "), 6),
    Mistake("a string for a list", changed("bob:   {permissions: [view, pull]}",
                                           "bob:   {permissions: view}"), 6),
    Mistake("a list for a map", "version: 1\nusers: [alice, bob]\n", 2),
    Mistake("another version", changed("version: 1", "version: 2"), 1),
    Mistake("a failing test", BOB_TOO
            + "tests:\n  - {user: bob, action: pull, image: 'x:y', expect: deny}\n", 11),
    Mistake("no YAML", changed("groups:", "groups: ]["), 2),
    Mistake("a tab", changed("  team:", "\tteam:"), 3),
    Mistake("an alias to nothing", changed('images: ["**"]', "images: *none"), 8),
    Mistake("half of a file", BOB_TOO[: BOB_TOO.index("allow: [view, pull]}")], 9),
]


@pytest.fixture(scope="module")
def shared(make_module_gate: GateMaker, registry: Registry) -> Gate:
    return make_module_gate(registry.url, POLICY, PASSWORDS)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_refused_with_its_line_and_the_old_policy_stays(
    shared: Gate, mistake: Mistake
) -> None:
    shared.write_policy(POLICY)
    reaches(shared, "bob", 403)
    wait(lambda: "acl.yml:" not in shared.ask_admin("/readyz").body.decode(), "a clean start")
    logged = len(shared.log_text())
    place = f"acl.yml:{mistake.line}:"
    shared.write_policy(mistake.text)
    wait(lambda: place in shared.log_text()[logged:], f"{place} in the log")
    ready = shared.ask_admin("/readyz")
    assert ready.status == 200, "the old policy serves on"
    assert place in ready.body.decode()
    assert status(shared, "alice") == 200
    assert status(shared, "bob") == 403

    checked = shared.run_verb("check", check=False)
    assert checked.returncode == 3
    assert place in (checked.stdout + checked.stderr).decode()

    shared.write_policy(BOB_TOO)
    reaches(shared, "bob", 200)
    assert "acl.yml:" not in shared.ask_admin("/readyz").body.decode()


def test_metrics_tell_of_a_policy_that_was_refused(gate: Gate) -> None:
    def refused() -> float:
        return sum(value for name, value in gate.metrics().items()
                   if "reload" in name and ("refused" in name or "fail" in name or "error" in name))

    before = refused()
    gate.write_policy(POLICY + "oops: 1\n")
    wait(lambda: refused() > before, "a counted refusal")


def test_it_does_not_start_with_a_mistake(make_gate: GateMaker, registry: Registry) -> None:
    gate = make_gate(registry.url, MISTAKES[0].text, PASSWORDS, start=False)
    gate.launch()
    process, gate.process = gate.process, None
    assert process is not None
    assert process.wait(15) == 3
    assert f"acl.yml:{MISTAKES[0].line}:" in gate.log_text()


def test_what_tags_reach_follows_the_policy(gate: Gate) -> None:
    made = image()
    targets = [f"/v2/reload/manifests/{made.digest}", f"/v2/reload/blobs/{digest_of(made.layers[0])}"]

    def told() -> list[int]:
        return [gate.ask("GET", target, user="bob", fields=[ACCEPT]).status for target in targets]

    for text, expected in ((POLICY, [403, 404]), (BOB_TOO, [200, 200]), (POLICY, [403, 404])):
        gate.write_policy(text)
        wait(lambda: told() == expected, f"{expected}")


class TestManagedFiles:
    MANAGED = 'rules:\n  - {who: [bob], images: ["**"], allow: [view, pull]}\n'

    def test_a_file_in_acl_d_is_merged_and_its_end_is_seen(self, gate: Gate) -> None:
        directory = gate.config / "acl.d"
        directory.mkdir()
        Gate.replace(directory / "managed.yml", self.MANAGED)
        reaches(gate, "bob", 200)
        (directory / "managed.yml").unlink()
        reaches(gate, "bob", 403)

    def test_other_names_are_ignored(self, gate: Gate) -> None:
        directory = gate.config / "acl.d"
        directory.mkdir()
        for name in (".managed.yml", "managed.yml~", "managed.yaml", "managed.yml.bak"):
            (directory / name).write_text(self.MANAGED)
        time.sleep(1.5)
        assert status(gate, "bob") == 403
        assert gate.run_verb("check").returncode == 0

    @pytest.mark.parametrize("text, line", [
        ("users:\n  alice: {permissions: [admin]}\n", 2),
        ("immutable: ['**:*']\n", 1),
        ("unregistered: push\n", 1),
    ])
    def test_what_may_not_stand_there(self, gate: Gate, text: str, line: int) -> None:
        directory = gate.config / "acl.d"
        directory.mkdir()
        Gate.replace(directory / "managed.yml", text)
        wait(lambda: f"managed.yml:{line}:" in gate.log_text(), "the refusal")
        assert status(gate, "alice") == 200


class Load:
    """Requests, a pull and a push that go on all the while, and whatever went wrong with them."""

    def __init__(self, gate: Gate, blob: bytes) -> None:
        self._gate, self._blob, self._digest = gate, blob, digest_of(blob)
        self.failures: list[str] = []
        self.requests = self.pulls = self.pushes = 0
        self._ended = threading.Event()
        work = [self._ask, self._ask, self._ask_anew, self._pull, self._push]
        self._threads = [threading.Thread(target=self._guard, args=(step,)) for step in work]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            while not self._ended.is_set():
                work()
        except (AssertionError, OSError) as error:
            self.failures.append(f"{work.__name__}: {error!r}")

    def _ask(self) -> None:
        with Client(self._gate.connect, self._gate.credential("alice")) as client:
            while not self._ended.is_set():
                client.expect(200, "GET", TARGET, [ACCEPT])
                self.requests += 1
                time.sleep(0.002)

    def _ask_anew(self) -> None:
        assert status(self._gate, "alice") == 200
        self.requests += 1
        time.sleep(0.002)

    def _pull(self) -> None:
        whole = hashlib.sha256()
        with self._gate.connect() as connection:
            connection.send(head("GET", f"/v2/reload/blobs/{self._digest}",
                                 [self._gate.credential("alice")]))
            response = connection.read_head()
            assert response.status == 200
            for piece in connection.iterate_body(response):
                whole.update(piece)
                if not self._ended.is_set():
                    time.sleep(0.01)
        assert f"sha256:{whole.hexdigest()}" == self._digest
        self.pulls += 1

    def _push(self) -> None:
        credential = self._gate.credential("alice")
        with Client(self._gate.connect, credential) as client:
            target = with_query(client.open_upload("reload"), digest=self._digest)
        with self._gate.connect() as connection:
            connection.send(head("PUT", target, [
                credential, ("Content-Type", "application/octet-stream"),
                ("Content-Length", str(len(self._blob)))]))
            for at in range(0, len(self._blob), 1 << 16):
                connection.send(self._blob[at : at + (1 << 16)])
                if not self._ended.is_set():
                    time.sleep(0.01)
            assert connection.read_response("PUT").status == 201
        self.pushes += 1


class Changes:
    """The ways in which people and tools change a file."""

    def __init__(self, file: Path) -> None:
        self._file, self._number = file, 0

    def write_in_place(self, text: str) -> None:
        self._file.write_text(text)

    def rename_over(self, text: str) -> None:
        Gate.replace(self._file, text)

    def delete_and_restore(self, text: str) -> None:
        self._file.unlink()
        time.sleep(0.03)
        self._file.write_text(text)

    def write_in_halves(self, text: str) -> None:
        cut = text.index("bob:") + 6
        with self._file.open("w") as out:
            out.write(text[:cut])
            out.flush()
            time.sleep(0.15)  # long enough to be noticed and read as it is
            out.write(text[cut:])

    def swap_symlink(self, text: str) -> None:
        """As the kubelet updates a ConfigMap: acl.yml → ..data/acl.yml, and only ..data moves."""
        home = self._file.parent
        self._number += 1
        version = home / f"..version{self._number}"
        version.mkdir()
        (version / self._file.name).write_text(text)
        beside = home / "..data_tmp"
        beside.symlink_to(version.name)
        beside.rename(home / "..data")
        if not self._file.is_symlink():
            link = home / ".link"
            link.symlink_to(Path("..data") / self._file.name)
            link.rename(self._file)


@pytest.mark.concurrent
def test_one_hundred_reloads_under_load(gate: Gate) -> None:
    blob = os.urandom(1 << 20) * 8
    with Client(gate.connect, gate.credential("alice")) as client:
        client.push("reload", "large", artifact(MODEL, blob))
    changes = Changes(gate.policy_file)
    ways = [changes.write_in_place, changes.rename_over, changes.delete_and_restore,
            changes.write_in_halves, changes.swap_symlink]
    each = 6 if is_sanitized() else 20
    load = Load(gate, blob)
    try:
        open_to_bob = False
        for way in ways:
            for _ in range(each):
                open_to_bob = not open_to_bob
                way(BOB_TOO if open_to_bob else POLICY)
                wait(lambda: status(gate, "bob") == (200 if open_to_bob else 403),
                     f"{way.__name__} takes effect")
                assert not load.failures, load.failures
    finally:
        load.end()
    assert load.failures == []
    assert load.requests > 100 and load.pulls > 0 and load.pushes > 0


class TestHalves:
    """A file that somebody is still writing never counts: what is missing may be the denies."""

    DENIED = POLICY + "  - {who: [bob], images: [other], deny: [pull]}\n"

    @pytest.fixture(params=["owner", "stranger"])
    def gate(self, request: pytest.FixtureRequest, make_gate: GateMaker, registry: Registry) -> Gate:
        """As the files' owner, who may ask the kernel for their writers, and as in a setup by root,
        where the service may only read them."""
        if request.param == "owner":
            return make_gate(registry.url, POLICY, PASSWORDS)
        gate = make_gate(registry.url, POLICY, PASSWORDS, start=False, prefix=[
            "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"])
        for file in (gate.policy_file, gate.config / "htpasswd"):
            os.chown(file, 65534, 0)
            file.chmod(0o644)
        gate.start()
        return gate

    def test_a_slow_writer_is_waited_for_and_told_of(self, gate: Gate) -> None:
        with gate.policy_file.open("w") as out:
            out.write(BOB_TOO[: BOB_TOO.rindex("\n", 0, -1) + 1])
            out.flush()
            end = time.monotonic() + 11.5  # beyond its patience, and any quiet time
            while time.monotonic() < end:
                assert status(gate, "bob") == 403 and status(gate, "alice") == 200
                time.sleep(0.2)
            assert "being written" in gate.ask_admin("/readyz").body.decode()
            # The password file does not wait for the policy.
            gate.write_passwords({"bob": PASSWORDS["bob"]})
            wait(lambda: status(gate, "alice", PASSWORDS["alice"]) == 401, "the end of a removed line")
            out.write(BOB_TOO[BOB_TOO.rindex("\n", 0, -1) + 1 :])
        reaches(gate, "bob", 200)
        assert "being written" not in gate.ask_admin("/readyz").body.decode()

    def test_a_new_account_is_in_force_at_once(self, gate: Gate) -> None:
        """Two files change, and acl.yml, of whose writers a stranger cannot know, does not."""
        for name in ("eve", "mallory"):
            gate.run_verb("user", "add", name, "--permissions", "view", "--password-stdin",
                          stdin=b"Granite-Harbour-42\n")
            wait(lambda: gate.ask("GET", "/v2/", user=name, password="Granite-Harbour-42").status == 200,
                 "the account", seconds=SOON / 2)

    def test_a_password_file_that_is_never_closed_holds_up_no_policy(self, gate: Gate) -> None:
        with (gate.config / "htpasswd").open("a") as out:
            out.write("# begun\n")
            out.flush()
            gate.write_policy(BOB_TOO)
            reaches(gate, "bob", 200)


def test_a_change_that_leaves_size_and_time_as_they_were(gate: Gate) -> None:
    file = gate.policy_file
    for text, expected in ((BOB_TOO, 200), (BOB_TOO.replace("bob]", "eve]"), 403)):
        text = text.replace("users:\n", "users:\n  eve:   {permissions: [view]}\n")
        text = text.ljust(len(BOB_TOO) + 100, "#")
        file.write_text(text)
        os.utime(file, (1_000_000_000, 1_000_000_000))
        reaches(gate, "bob", expected)


def test_a_directory_of_denies_behind_a_broken_link(gate: Gate) -> None:
    real = gate.config / "real"
    real.mkdir()
    (real / "deny.yml").write_text("rules:\n  - {who: [alice], images: [reload], deny: [pull]}\n")
    (gate.config / "acl.d").symlink_to("real")
    reaches(gate, "alice", 404)  # hidden: alice may push here
    real.rename(gate.config / "elsewhere")
    wait(lambda: "acl.d" in str(gate.ask_admin("/readyz").body), "the refusal")
    assert status(gate, "alice") == 404


class TestPasswords:
    @pytest.fixture
    def kept(self, gate: Gate) -> Iterator[Client]:
        """A kept-alive connection whose credential is remembered."""
        with Client(gate.connect, gate.credential("bob")) as client:
            assert client.ask("GET", "/v2/").status == 200
            yield client

    def test_a_removed_line_ends_access_on_the_same_connection(self, gate: Gate, kept: Client) -> None:
        gate.write_passwords({"alice": PASSWORDS["alice"]})
        wait(lambda: kept.ask("GET", "/v2/").status == 401, "the end of bob's access")
        assert status(gate, "alice") == 200

    def test_a_changed_password(self, gate: Gate, kept: Client) -> None:
        gate.write_passwords({**PASSWORDS, "bob": "Another Passw0rd!"})
        wait(lambda: kept.ask("GET", "/v2/").status == 401, "the old password's end")
        assert gate.ask("GET", "/v2/", user="bob").status == 200

    def test_a_removed_user_of_the_policy(self, gate: Gate, kept: Client) -> None:
        gate.write_policy(POLICY.replace("  bob:   {permissions: [view, pull]}\n", ""))
        wait(lambda: kept.ask("GET", "/v2/").status == 401, "the end of bob's access")

    def test_a_policy_with_a_mistake_keeps_no_password_alive(self, gate: Gate, kept: Client) -> None:
        gate.write_policy("nonsense\n")
        wait(lambda: "acl.yml:1:" in gate.log_text(), "the refusal")
        gate.write_passwords({"alice": PASSWORDS["alice"]})
        wait(lambda: kept.ask("GET", "/v2/").status == 401, "the end of bob's access")
        assert status(gate, "alice") == 200

    @pytest.mark.parametrize("line", ["bob:{SHA}d95o2uzYI7q7tY7bHI4U1xBug7s=", "bob:plain", "no colon"])
    def test_a_broken_htpasswd_is_refused_with_its_line(self, gate: Gate, line: str) -> None:
        file = gate.config / "htpasswd"
        Gate.replace(file, file.read_text().splitlines()[0] + "\n" + line + "\n")
        wait(lambda: "htpasswd:2" in gate.log_text(), "the refusal")
        assert status(gate, "alice") == 200
        assert gate.ask("GET", "/v2/", user="bob", password="password").status == 401


    def test_a_mistake_in_htpasswd_keeps_no_removed_password_alive(self, gate: Gate, kept: Client) -> None:
        file = gate.config / "htpasswd"
        lines = [line for line in file.read_text().splitlines() if not line.startswith("bob:")]
        Gate.replace(file, "\n".join([*lines, "no colon"]) + "\n")
        wait(lambda: kept.ask("GET", "/v2/").status == 401, "the end of bob's access")
        assert status(gate, "alice") == 200


    def test_without_the_file_nobody_gets_in(self, gate: Gate, kept: Client) -> None:
        file = gate.config / "htpasswd"
        text = file.read_text()
        file.unlink()
        # Not for a moment's absence.
        assert kept.ask("GET", "/v2/").status == 200
        wait(lambda: kept.ask("GET", "/v2/").status == 401, "the end of everybody's access", seconds=15)
        assert "does not exist" in str(gate.ask_admin("/readyz").body)
        file.write_text(text)
        reaches(gate, "alice", 200)

    def test_a_file_that_cannot_be_read_is_read_when_it_can(
        self, make_gate: GateMaker, registry: Registry
    ) -> None:
        gate = make_gate(registry.url, POLICY, PASSWORDS, prefix=[
            "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"])
        file = gate.config / "htpasswd"
        without_bob = "".join(line + "\n" for line in file.read_text().splitlines()
                              if not line.startswith("bob:"))
        Gate.replace(file, without_bob)
        os.chown(file, 65534, 65534)
        file.chmod(0o600)
        wait(lambda: "cannot be read" in str(gate.ask_admin("/readyz").body), "the refusal")
        file.chmod(0o644)
        wait(lambda: "cannot be read" not in str(gate.ask_admin("/readyz").body), "its end")
        assert status(gate, "bob") == 401 and status(gate, "alice") == 200

    @pytest.mark.parametrize("mapping", ["{permissions: [view, pull], enabled: false}",
                                         "{permissions: [view, pull], expires: 2020-01-01T00:00:00Z}"])
    def test_the_password_of_an_unusable_account_cannot_be_found_out(self, gate: Gate, mapping: str) -> None:
        gate.write_policy(POLICY.replace("bob:   {permissions: [view, pull]}", "bob: " + mapping))
        wait(lambda: status(gate, "bob") == 401, "the end of bob's access")
        before = gate.metrics()
        for _ in range(5):
            right, wrong = (gate.ask("GET", "/v2/", user="bob", password=password)
                            for password in (PASSWORDS["bob"], "Not bob's Passw0rd!"))
            assert (right.status, right.body) == (wrong.status, wrong.body)
        after = gate.metrics()
        # Each was hashed: the right one is not remembered.
        assert after["layergate_auth_hashed_total"] - before["layergate_auth_hashed_total"] == 10
        assert gate.wait_record(lambda r: r["user"] == "bob")["reason"] in ("disabled", "expired")


class TestSignals:
    def test_sighup_reloads(self, gate: Gate) -> None:
        # The file's time and size stay as they were: neither a watch of names nor a poll of those
        # would have to notice, and a signal must read it all the same.
        gate.policy_file.write_text(BOB_TOO)
        gate.signal(signal.SIGHUP)
        reaches(gate, "bob", 200)
        for _ in range(20):
            gate.signal(signal.SIGHUP)
        assert status(gate, "alice") == 200

    @pytest.fixture
    def slow(self, make_gate: GateMaker, registry: Registry) -> tuple[Gate, str, bytes]:
        blob = os.urandom(1 << 20) * 16
        with Client(registry.connect) as client:
            client.push("reload", "large", artifact(MODEL, blob))
        return make_gate(registry.url, POLICY, PASSWORDS,
                         settings={"limits": {"drain": "15s"}}), digest_of(blob), blob

    @pytest.mark.concurrent
    def test_sigterm_lets_a_transfer_end(self, slow: tuple[Gate, str, bytes]) -> None:
        gate, digest, blob = slow
        with gate.connect() as pulling, gate.connect() as idle:
            idle.request("GET", "/v2/", [gate.credential("alice")])
            pulling.send(head("GET", f"/v2/reload/blobs/{digest}", [gate.credential("alice")]))
            response = pulling.read_head()
            gate.signal(signal.SIGTERM)
            assert idle.is_closed(), "an idle connection is closed at once"
            time.sleep(0.5)
            with pytest.raises(OSError):
                gate.connect(timeout=1)
            whole = b"".join(pulling.iterate_body(response))
        assert whole == blob
        assert gate.process is not None
        assert gate.process.wait(10) == 0

    @pytest.mark.concurrent
    def test_sigterm_lets_a_push_end(self, slow: tuple[Gate, str, bytes]) -> None:
        gate, digest, blob = slow
        with Client(gate.connect, gate.credential("alice")) as client:
            target = with_query(client.open_upload("reload"), digest=digest)
        with gate.connect() as pushing:
            pushing.send(head("PUT", target, [
                gate.credential("alice"), ("Content-Type", "application/octet-stream"),
                ("Content-Length", str(len(blob)))]) + blob[:1000])
            time.sleep(0.2)
            gate.signal(signal.SIGTERM)
            time.sleep(0.5)
            pushing.send(blob[1000:])
            response = pushing.read_response("PUT")
            assert response.status == 201 and not response.keeps_alive
        assert gate.process is not None
        assert gate.process.wait(10) == 0

    def test_sigterm_while_it_loads(self, make_gate: GateMaker, registry: Registry) -> None:
        rules = "".join(f"  - {{who: [alice], images: ['x/{n}:*'], allow: [pull]}}\n" for n in range(60_000))
        gate = make_gate(registry.url, POLICY + rules, PASSWORDS, start=False)
        gate.launch()
        assert gate.process is not None
        time.sleep(0.5)
        gate.signal(signal.SIGTERM)
        assert gate.process.wait(10) == 0
        assert "ended while loading" in gate.log_text()
        assert "registry API on" not in gate.log_text()

    def test_a_transfer_that_does_not_end_is_cut(self, make_gate: GateMaker, registry: Registry) -> None:
        gate = make_gate(registry.url, POLICY, PASSWORDS, settings={"limits": {"drain": "1s"}})
        with Client(gate.connect, gate.credential("alice")) as client:
            location = client.open_upload("reload")
        with gate.connect() as pushing:
            pushing.send(head("PATCH", location, [
                gate.credential("alice"), ("Content-Type", "application/octet-stream"),
                ("Content-Length", "1000")]) + b"x")
            time.sleep(0.2)
            started = time.monotonic()
            gate.signal(signal.SIGTERM)
            assert gate.process is not None
            assert gate.process.wait(10) == 0
            assert 0.5 < time.monotonic() - started < 6
