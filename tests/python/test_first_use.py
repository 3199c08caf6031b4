"""The config dir that the module is given: new, empty, a gate's, the older system's, somebody else's."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from conftest import PASSWORD
from docker_registry_manager import (
    ConflictError,
    DockerRegistryManager,
    InvalidError,
    Permission,
    RegistryError,
    StorageError,
)

# bcrypt of nothing in particular
HASH = "$2y$10$" + "abcdefghijklmnopqrstuu" + "TPTSmgZ3WgPBuXbEGgDXyFdwLrRwn2G"


def write_legacy(root: Path) -> dict[Path, str]:
    """The three files of the older system; returns their texts."""
    (root / "auth").mkdir(parents=True)
    texts = {
        root / "users.json": json.dumps({
            "user1": {"username": "user1", "password_hash": "htpasswd", "permissions": ["view", "pull"],
                      "email": "user1@example.com"},
            "admin": {"username": "admin", "password_hash": "htpasswd", "permissions": ["admin"], "email": None},
        }),
        root / "images.json": json.dumps({
            "telechat:7b-fp16": {"name": "telechat", "tag": "7b-fp16", "digest": "sha256:" + "b" * 64,
                                 "created": "2025-11-01T10:00:00", "size": 123, "allowed_users": ["user1"]},
            "telechat:open": {"name": "telechat", "tag": "open", "digest": "", "created": "", "size": 0,
                              "allowed_users": []},
        }),
        root / "auth" / "htpasswd": f"user1:{HASH}\nadmin:{HASH}\n",
    }
    for file, text in texts.items():
        file.write_text(text)
    return texts


def test_one_that_is_not_there_is_made(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b"
    DockerRegistryManager(config_dir=str(root)).add_user("alice", PASSWORD, [Permission.VIEW])
    assert {file.name for file in root.iterdir() if file.name[0] != "."} >= {
        "layergate.yml", "acl.yml", "acl.d", "htpasswd"}
    assert root.stat().st_mode & 0o007 == 0
    settings = (root / "layergate.yml").read_text()
    assert [user.name for user in DockerRegistryManager(config_dir=root).list_users()] == ["alice"]
    assert (root / "layergate.yml").read_text() == settings


def test_a_gate_s_is_taken_as_it_is(tmp_path: Path) -> None:
    for name, text in {"layergate.yml": "upstream: {url: 'http://127.0.0.1:1'}\n", "htpasswd": f"bob:{HASH}\n",
                       "acl.yml": "version: 1\nusers: {bob: {permissions: [pull]}}\n", "other": ""}.items():
        (tmp_path / name).write_text(text)
    assert [user.name for user in DockerRegistryManager(config_dir=tmp_path).list_users()] == ["bob"]
    (tmp_path / "layergate.yml").write_text("upstrem: {}\n")
    with pytest.raises(InvalidError, match="layergate.yml:1:1.*upstrem"):
        DockerRegistryManager(config_dir=tmp_path)


def test_the_older_system_s_is_imported_once(tmp_path: Path) -> None:
    texts = write_legacy(tmp_path)
    manager = DockerRegistryManager(config_dir=tmp_path)
    assert [(user.name, user.permissions) for user in manager.list_users()] == [
        ("admin", (Permission.ADMIN,)), ("user1", (Permission.VIEW, Permission.PULL))]
    assert manager.check_image_access("user1", "telechat", "7b-fp16")
    image = manager.get_image("telechat", "7b-fp16")
    assert (image.digest, image.size, image.allowed_users) == ("sha256:" + "b" * 64, 123, ("user1",))
    assert manager.get_image("telechat", "open").allowed_users == ("*",)
    assert f"user1:{HASH}\n" in (tmp_path / "htpasswd").read_text()
    manager.remove_user("user1")
    again = DockerRegistryManager(config_dir=tmp_path)
    assert [user.name for user in again.list_users()] == ["admin"]
    assert {file: file.read_text() for file in texts} == texts


def test_a_mistake_in_the_older_files_imports_nothing(tmp_path: Path) -> None:
    write_legacy(tmp_path)
    users = json.loads((tmp_path / "users.json").read_text())
    users["user1"]["permissions"] = ["fly"]
    (tmp_path / "users.json").write_text(json.dumps(users))
    for _ in range(2):  # and does not count as a first use
        with pytest.raises(RegistryError, match='users.json: "user1".*fly'):
            DockerRegistryManager(config_dir=tmp_path)
        assert not (tmp_path / "layergate.yml").exists()
    users["user1"]["permissions"] = ["view"]
    (tmp_path / "users.json").write_text(json.dumps(users))
    assert len(DockerRegistryManager(config_dir=tmp_path).list_users()) == 2


def test_somebody_else_s_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("")
    with pytest.raises(ConflictError, match="holds no layergate.yml, but other things"):
        DockerRegistryManager(config_dir=tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["passwd"]
    with pytest.raises(StorageError):
        DockerRegistryManager(config_dir=tmp_path / "passwd")
    with pytest.raises(StorageError):
        DockerRegistryManager(config_dir=tmp_path / "passwd" / "below")


def test_a_first_use_by_many_at_once(tmp_path: Path) -> None:
    write_legacy(tmp_path)
    seen: list[int] = []

    def use() -> None:
        seen.append(len(DockerRegistryManager(config_dir=tmp_path).list_users()))

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [2] * 6
