"""The commands of accounts, images and grants while a real Docker engine pulls: each is in force for
the next pull, with the daemon running and nothing restarted."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from harness.site import Site, open_site, write_build_context

POLICY = """\
version: 1
users:
  builder: {permissions: [view, pull, push, delete]}
  root:    {permissions: [admin]}
rules:
  - {who: [builder], images: ["**"], allow: [view, pull, push]}
"""
PASSWORDS = {"builder": "Builder-of-images-1", "root": "Root-of-images-1"}
NAME, TAG = "telechat", "7b-fp16"

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site"), POLICY, PASSWORDS) as opened:
        reference = f"{opened.host}/{NAME}:{TAG}"
        docker = opened.engine.docker
        docker("build", "--tag", reference, write_build_context(opened.root / "context"))
        assert opened.log_in("builder") == 0
        docker("push", reference)
        docker("rmi", reference)
        add(opened, "user1", "Granite-Harbour-41")
        add(opened, "user2", "Meadow-Lantern-52")
        yield opened


def run(site: Site, *words: str, code: int = 0, stdin: bytes = b"") -> str:
    result = site.gate.run_verb(*words, stdin=stdin, check=False)
    assert result.returncode == code, result
    return result.stdout.decode() + result.stderr.decode()


def add(site: Site, user: str, password: str) -> None:
    run(site, "user", "add", user, password, "--permissions", "view,pull", "--email",
        f"{user}@example.com")
    site.gate.passwords[user] = password
    until(lambda: site.log_in(user) == 0, f"{user} can log in")


def until(holds: object, what: str, timeout: float = 15.0) -> None:
    deadline = time.monotonic() + timeout
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not in {timeout} s: {what}"
        time.sleep(0.1)


def pulls(site: Site, user: str) -> bool:
    """Whether docker, logged in as the user, can pull the image. Nothing of it is left."""
    reference = f"{site.host}/{NAME}:{TAG}"
    if site.log_in(user) != 0:
        return False
    result = site.engine.docker("pull", reference, check=False)
    if result.returncode == 0:
        site.engine.docker("rmi", reference)
        return True
    assert b"denied" in result.stderr or b"not found" in result.stderr, result.stderr
    return False


def test_grants_and_revokes_hold_for_the_next_docker_pull(site: Site) -> None:
    assert not pulls(site, "user1") and not pulls(site, "user2")
    run(site, "image", "register", NAME, TAG, "--users", "user1")
    until(lambda: pulls(site, "user1"), "user1 was registered with the image")
    assert not pulls(site, "user2")

    run(site, "access", "grant", NAME, TAG, "user2")
    until(lambda: pulls(site, "user2"), "user2 was granted it")
    assert "allowed" in run(site, "access", "check", "user2", NAME, TAG)
    assert NAME in run(site, "image", "list-accessible", "user2")

    run(site, "access", "revoke", NAME, TAG, "user1")
    until(lambda: not pulls(site, "user1"), "user1's right was taken")
    assert pulls(site, "user2")
    run(site, "access", "check", "user1", NAME, TAG, code=1)

    run(site, "user", "update", "user2", "--permissions", "view")
    until(lambda: not pulls(site, "user2"), "user2's permission was taken")
    run(site, "user", "update", "user2", "--permissions", "view,pull")
    until(lambda: pulls(site, "user2"), "user2's permission came back")


def test_a_changed_password_and_a_removed_account_hold_for_the_next_docker_login(site: Site) -> None:
    add(site, "leaver", "Leaving-Soon-77")
    run(site, "access", "grant", NAME, TAG, "leaver")
    until(lambda: pulls(site, "leaver"), "the grant")

    old = site.gate.passwords["leaver"]
    run(site, "user", "passwd", "leaver", "--password-stdin", stdin=b"Staying-A-While-88\n")
    until(lambda: site.log_in("leaver", old) != 0, "the old password ends")
    site.gate.passwords["leaver"] = "Staying-A-While-88"
    assert pulls(site, "leaver")

    run(site, "user", "disable", "leaver")
    until(lambda: site.log_in("leaver") != 0, "a disabled account")
    run(site, "user", "enable", "leaver")
    until(lambda: pulls(site, "leaver"), "enabled again")

    run(site, "user", "remove", "leaver")
    until(lambda: site.log_in("leaver") != 0, "a removed account")
    # A new account of that name inherits nothing.
    add(site, "leaver", "Another-Person-99")
    assert not pulls(site, "leaver")
