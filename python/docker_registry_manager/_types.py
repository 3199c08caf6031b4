"""What the manager takes and answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Optional


class Permission(Enum):
    """What an account may do at all; which images it may do it with, their registrations say."""

    VIEW = "view"
    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"
    ADMIN = "admin"  # all of them, and the administration


@dataclass(frozen=True)
class User:
    """An account."""

    name: str
    permissions: tuple[Permission, ...]
    email: Optional[str]
    enabled: bool
    expires: Optional[datetime]
    networks: tuple[str, ...]  # from which it may come; empty: from everywhere
    usable: bool  # whether it can log in now
    fault: Optional[str]  # why not


@dataclass(frozen=True)
class Image:
    """An image: a name and a tag, with what is known of it."""

    name: str
    tag: str
    digest: Optional[str]
    created: Optional[str]
    size: Optional[int]
    registered: bool
    allowed_users: Optional[tuple[str, ...]]  # "*": everybody; None: not registered
    registry_url: str

    @property
    def reference(self) -> str:
        """What docker takes: "localhost:5000/telechat:7b-fp16"."""
        return f"{self.registry_url}/{self}"

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"


@dataclass(frozen=True)
class AccessChange:
    """What became of a grant or a revocation."""

    changed: bool  # False: it was so already
    # What the user may do with the image all the same, by other rules: (permissions, which rule).
    still_allowed: tuple[tuple[tuple[Permission, ...], str], ...]


def user_of(json: dict[str, Any]) -> User:
    expires = json["expires"]
    return User(
        name=json["name"],
        permissions=tuple(Permission(word) for word in json["permissions"]),
        email=json["email"],
        enabled=json["enabled"],
        expires=None if expires is None else datetime.fromisoformat(expires.replace("Z", "+00:00")),
        networks=tuple(json["from"]),
        usable=json["usable"],
        fault=json["fault"],
    )


def image_of(json: dict[str, Any], registry_url: str) -> Image:
    users = json["users"]
    return Image(
        name=json["name"],
        tag=json["tag"],
        digest=json["digest"],
        created=json["created"],
        size=json["size"],
        registered=json["registered"],
        allowed_users=None if users is None else tuple(users),
        registry_url=registry_url,
    )


def access_change_of(json: dict[str, Any]) -> AccessChange:
    return AccessChange(
        changed=json["changed"],
        still_allowed=tuple(
            (tuple(Permission(action) for action in left["actions"]), left["by"])
            for left in json["still_allowed"]
        ),
    )
