"""While a gate runs on the same config dir: what the module changes, the gate does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import PASSWORD
from docker_registry_manager import DockerRegistryManager, Permission
from harness.client import Client
from harness.gate import Gate
from harness.images import MANIFEST, image
from harness.registry import Registry

POLICY = """\
version: 1
users: {root: {permissions: [admin]}}
"""


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with Registry(tmp_path / "registry") as registry:
        with Gate(tmp_path / "gate", registry.url, POLICY, {"root": "root Passw0rd!"}) as gate:
            yield gate


def test_what_is_changed_is_in_force(gate: Gate) -> None:
    manager = DockerRegistryManager(config_dir=gate.config)
    made = image({"weights": b"1"})
    with Client(gate.connect, gate.credential("root")) as root:
        root.push("telechat", "7b", made)

    def pull() -> int:
        return gate.ask("GET", "/v2/telechat/manifests/7b", user="alice", password=PASSWORD,
                        fields=[("Accept", MANIFEST)]).status

    def wait_for(status: int) -> None:
        deadline = time.monotonic() + 15
        while pull() != status:
            assert time.monotonic() < deadline, f"no {status}, but {pull()}"
            time.sleep(0.1)

    assert pull() == 401
    manager.add_user("alice", PASSWORD, [Permission.VIEW, Permission.PULL])
    wait_for(403)
    manager.register_image("telechat", "7b", allowed_users=["alice"])
    wait_for(200)
    # What the gate knows of it, the module shows.
    (seen,) = manager.list_accessible_images("alice")
    assert (seen.name, seen.tag, seen.allowed_users) == ("telechat", "7b", ("alice",))
    manager.revoke_image_access("telechat", "7b", "alice")
    wait_for(403)
    manager.remove_user("alice")
    wait_for(401)
