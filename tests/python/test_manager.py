"""Each method, what it answers, and what it refuses."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from conftest import PASSWORD
from docker_registry_manager import (
    ConflictError,
    DockerRegistryManager,
    InvalidError,
    NotFoundError,
    Permission,
    RegistryError,
    UsageError,
)

READER = [Permission.VIEW, Permission.PULL]


def test_the_example_of_the_older_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    manager = DockerRegistryManager(registry_url="localhost:5000", config_dir="./registry")
    manager.add_user("user1", "Quiet-Otter-Climbs-42", [Permission.VIEW, Permission.PULL])
    manager.add_user("user2", "Nine-Green-Lanterns-7", [Permission.VIEW, Permission.PULL])
    manager.register_image("telechat", "7b-fp16", allowed_users=["user1"])
    assert manager.check_image_access("user1", "telechat", "7b-fp16") is True
    assert manager.check_image_access("user2", "telechat", "7b-fp16") is False
    assert [(image.name, image.tag) for image in manager.list_accessible_images("user1")] == [
        ("telechat", "7b-fp16")]
    assert manager.list_accessible_images("user2") == []
    manager.grant_image_access("telechat", "7b-fp16", "user2")
    assert manager.check_image_access("user2", "telechat", "7b-fp16") is True
    manager.revoke_image_access("telechat", "7b-fp16", "user1")
    assert manager.check_image_access("user1", "telechat", "7b-fp16") is False


def test_permissions_are_the_words() -> None:
    assert {permission.value for permission in Permission} == {"view", "pull", "push", "delete", "admin"}
    assert Permission.VIEW.value == "view" and Permission("admin") is Permission.ADMIN


class TestUsers:
    def test_an_account_comes_and_goes(self, manager: DockerRegistryManager, config_dir: Path) -> None:
        ends = datetime(2999, 1, 31, 12, tzinfo=timezone.utc)
        made = manager.add_user("alice", PASSWORD, READER, email="a@example.com", expires=ends,
                                networks=["10.0.0.0/8"])
        assert (made.name, made.permissions, made.email, made.expires, made.networks, made.usable) == (
            "alice", tuple(READER), "a@example.com", ends, ("10.0.0.0/8",), True)
        assert manager.list_users() == [made] and manager.get_user("alice") == made
        assert (config_dir / "htpasswd").read_text().startswith("alice:$2y$")
        manager.remove_user("alice")
        assert manager.list_users() == []
        assert "alice" not in (config_dir / "htpasswd").read_text()

    def test_what_is_given_changes_and_the_rest_stays(self, manager: DockerRegistryManager) -> None:
        manager.add_user("alice", PASSWORD, READER, email="a@example.com", networks=["10.0.0.0/8"])
        changed = manager.update_user("alice", permissions=["push"], expires="2999-01-31")
        assert changed.permissions == (Permission.PUSH,) and changed.email == "a@example.com"
        assert changed.expires == datetime(2999, 1, 31, tzinfo=timezone.utc)
        changed = manager.update_user("alice", email=None, expires=None, networks=[], enabled=False)
        assert (changed.email, changed.expires, changed.networks) == (None, None, ())
        assert not changed.enabled and not changed.usable and changed.fault
        assert manager.update_user("alice", enabled=True).usable

    def test_a_local_time_is_meant_as_such(self, manager: DockerRegistryManager) -> None:
        ends = datetime.now().replace(microsecond=0) + timedelta(days=3)
        made = manager.add_user("alice", PASSWORD, READER, expires=ends)
        assert made.expires is not None and made.expires.timestamp() == ends.timestamp()

    def test_a_new_password_takes_the_old_one_s_place(
        self, manager: DockerRegistryManager, config_dir: Path
    ) -> None:
        manager.add_user("alice", PASSWORD, READER)
        before = (config_dir / "htpasswd").read_text()
        manager.set_password("alice", "Another-Harbour-43")
        after = (config_dir / "htpasswd").read_text()
        assert before != after and after.count("\n") == 1

    def test_refusals(self, manager: DockerRegistryManager, config_dir: Path) -> None:
        manager.add_user("alice", PASSWORD, READER)
        before = (config_dir / "htpasswd").read_text(), (config_dir / "acl.d/managed.yml").read_text()
        with pytest.raises(ConflictError, match="alice exists already") as conflict:
            manager.add_user("alice", PASSWORD, READER)
        assert conflict.value.code == "conflict" and conflict.value.detail == str(conflict.value)
        with pytest.raises(UsageError):
            manager.add_user("bob", "short", READER)
        with pytest.raises(UsageError):
            manager.add_user("bob", PASSWORD, ["fly"])
        with pytest.raises(UsageError):
            manager.add_user("b:b", PASSWORD, READER)
        with pytest.raises(UsageError):
            manager.add_user("bob", PASSWORD, READER, networks=["everywhere"])
        with pytest.raises(UsageError):
            manager.update_user("alice", expires="soon")
        with pytest.raises(UsageError) as caught:
            manager.add_user("bob", PASSWORD + "\ud800", READER)
        assert PASSWORD not in str(caught.value)
        with pytest.raises(NotFoundError):
            manager.get_user("bob")
        with pytest.raises(NotFoundError):
            manager.remove_user("bob")
        with pytest.raises(NotFoundError):
            manager.set_password("bob", PASSWORD)
        with pytest.raises(TypeError):
            manager.add_user("bob", PASSWORD, "view")
        with pytest.raises(TypeError):
            manager.register_image("x", "y", allowed_users="alice")
        assert before == (
            (config_dir / "htpasswd").read_text(), (config_dir / "acl.d/managed.yml").read_text())
        # As the language's own: who knows nothing of these classes catches these.
        with pytest.raises(LookupError):
            manager.get_user("bob")
        with pytest.raises(ValueError):
            manager.add_user("bob", "short", READER)


class TestImages:
    @pytest.fixture(autouse=True)
    def accounts(self, manager: DockerRegistryManager) -> None:
        manager.add_user("alice", PASSWORD, READER)
        manager.add_user("bob", PASSWORD, [*READER, Permission.PUSH])

    def test_an_image_comes_and_goes(self, manager: DockerRegistryManager) -> None:
        digest = "sha256:" + "a" * 64
        made = manager.register_image("team/telechat", "7b-fp16", ["alice"], digest=digest, size=14_000_000_000,
                                      created=datetime(2026, 1, 31, tzinfo=timezone.utc))
        assert (made.name, made.tag, made.digest, made.size) == (
            "team/telechat", "7b-fp16", digest, 14_000_000_000)
        assert made.created is not None and made.created.startswith("2026-01-31T00:00:00")
        assert made.allowed_users == ("alice",) and made.registered
        assert str(made) == "team/telechat:7b-fp16"
        assert made.reference == "localhost:5000/team/telechat:7b-fp16"
        assert manager.list_images() == [made] and manager.get_image("team/telechat", "7b-fp16") == made
        manager.remove_image("team/telechat", "7b-fp16")
        assert manager.list_images() == []
        assert not manager.check_image_access("alice", "team/telechat", "7b-fp16")

    @pytest.mark.parametrize("users", [None, []])
    def test_no_users_are_all_users(self, manager: DockerRegistryManager, users: list[str] | None) -> None:
        assert manager.register_image("telechat", "7b", users).allowed_users == ("*",)
        assert manager.check_image_access("alice", "telechat", "7b")
        manager.add_user("late", PASSWORD, READER)
        assert manager.check_image_access("late", "telechat", "7b")

    def test_a_list_that_becomes_empty_allows_nobody(self, manager: DockerRegistryManager) -> None:
        manager.register_image("telechat", "7b", ["alice"])
        change = manager.revoke_image_access("telechat", "7b", "alice")
        assert change.changed and change.still_allowed == ()
        assert manager.get_image("telechat", "7b").allowed_users == ()
        assert not manager.check_image_access("alice", "telechat", "7b")
        assert not manager.check_image_access("bob", "telechat", "7b")
        assert not manager.revoke_image_access("telechat", "7b", "alice").changed
        assert manager.grant_image_access("telechat", "7b", "bob").changed
        assert not manager.grant_image_access("telechat", "7b", "bob").changed

    def test_what_a_revocation_leaves_open_is_said(
        self, manager: DockerRegistryManager, config_dir: Path
    ) -> None:
        manager.register_image("telechat", "7b", ["alice"])
        policy = config_dir / "acl.yml"
        policy.write_text(policy.read_text() + "rules:\n  - {name: research, who: [alice], images: [telechat], "
                          "allow: [pull]}\n")
        ((permissions, by),) = manager.revoke_image_access("telechat", "7b", "alice").still_allowed
        assert permissions == (Permission.PULL,) and "research" in by
        assert manager.check_image_access("alice", "telechat", "7b")

    def test_the_account_s_permissions_bound_what_it_may(self, manager: DockerRegistryManager) -> None:
        manager.register_image("telechat", "7b")
        asked = {(user, permission): manager.check_image_access(user, "telechat", "7b", permission=permission)
                 for user in ("alice", "bob") for permission in ("view", "pull", "push", "delete")}
        assert {what for what, allowed in asked.items() if allowed} == {
            ("alice", "view"), ("alice", "pull"), ("bob", "view"), ("bob", "pull"), ("bob", "push")}
        assert manager.check_image_access("alice", "telechat", "7b", permission=Permission.VIEW)
        assert not manager.check_image_access("nobody", "telechat", "7b")

    def test_long_lists_are_whole(self, manager: DockerRegistryManager, config_dir: Path) -> None:
        """More than a page; written at once, for 1,500 calls would take long."""
        rules = "".join(f"  - {{name: 'r{i:04}', who: [alice], images: ['many:t{i:04}'], allow: [view, pull]}}\n"
                        for i in range(3))
        policy = config_dir / "acl.yml"
        policy.write_text(policy.read_text() + "users:\n" + "".join(
            f"  u{i:04}: {{permissions: [view]}}\n" for i in range(1500)) + "rules:\n" + rules)
        assert [user.name for user in manager.list_users()] == [
            "alice", "bob", *(f"u{i:04}" for i in range(1500))]

    def test_refusals(self, manager: DockerRegistryManager) -> None:
        manager.register_image("telechat", "7b", ["alice"])
        with pytest.raises(ConflictError):
            manager.register_image("telechat", "7b", ["bob"])
        assert manager.register_image("telechat", "7b", ["bob"], replace=True).allowed_users == ("bob",)
        with pytest.raises(RegistryError, match="nobody"):
            manager.register_image("telechat", "8b", ["nobody"])
        for name, tag in (("Telechat", "7b"), ("telechat", "a b"), ("../x", "y")):
            with pytest.raises(UsageError):
                manager.register_image(name, tag)
        with pytest.raises(UsageError):
            manager.register_image("telechat", "9b", digest="sha256:short")
        with pytest.raises(NotFoundError):
            manager.get_image("telechat", "9b")
        with pytest.raises(NotFoundError):
            manager.remove_image("telechat", "9b")
        with pytest.raises(NotFoundError):
            manager.grant_image_access("telechat", "9b", "alice")
        with pytest.raises(NotFoundError):
            manager.list_accessible_images("nobody")


def test_a_policy_that_does_not_load_takes_no_change(manager: DockerRegistryManager, config_dir: Path) -> None:
    (config_dir / "acl.yml").write_text("version: 1\nuser: {}\n")
    with pytest.raises(InvalidError, match="acl.yml:2:1: unknown key"):
        manager.add_user("alice", PASSWORD, READER)
    with pytest.raises(RegistryError):
        manager.check_image_access("alice", "telechat", "7b")


def test_many_threads_lose_nothing(manager: DockerRegistryManager, config_dir: Path) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        own = manager if number % 2 else DockerRegistryManager(config_dir=config_dir)
        try:
            for i in range(3):
                own.add_user(f"u{number}-{i}", PASSWORD, READER)
                own.register_image("telechat", f"t{number}-{i}", [f"u{number}-{i}"])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(manager.list_users()) == 12 and len(manager.list_images()) == 12


def test_other_threads_run_meanwhile(manager: DockerRegistryManager, config_dir: Path) -> None:
    """A call waits for a lock that another program holds; the interpreter does not."""
    import fcntl

    manager.add_user("alice", PASSWORD, READER)
    with open(config_dir / "acl.d" / ".managed.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = threading.Thread(target=manager.remove_user, args=("alice",))
        waiting.start()
        time.sleep(0.2)  # if the interpreter were blocked, this would last until the lock is given up
        assert waiting.is_alive()
        assert manager.get_user("alice").name == "alice"
        fcntl.flock(lock, fcntl.LOCK_UN)
        waiting.join()
    assert manager.list_users() == []
