"""The manager: each method is a call of the management API, on the files of a config dir."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from enum import Enum
from typing import Any, Optional, Union

from . import _native
from ._errors import error_of
from ._types import AccessChange, Image, Permission, User, access_change_of, image_of, user_of

_PermissionLike = Union[Permission, str]


class _Unset(Enum):
    UNSET = 0


_UNSET = _Unset.UNSET


def _words(permissions: Iterable[_PermissionLike]) -> list[str]:
    if isinstance(permissions, str):
        raise TypeError("permissions is a list, as [Permission.VIEW, Permission.PULL]")
    return [word.value if isinstance(word, Permission) else word for word in permissions]


def _names(what: str, names: Iterable[str]) -> list[str]:
    if isinstance(names, str):  # would be taken for a list of letters
        raise TypeError(f'{what} is a list, as ["{names}"]')
    return list(names)


def _time(time: Union[datetime, str]) -> str:
    """RFC 3339. A time without a zone is the machine's, as everywhere in datetime."""
    return time if isinstance(time, str) else time.astimezone(timezone.utc).isoformat()


class DockerRegistryManager:
    """The accounts, images and rights of one registry.

    registry_url  names the registry in Image.reference; nothing is sent there
    config_dir    holds layergate.yml. One that is not there, or is empty, is made ready for a gate;
                  one of the older system (users.json, images.json, auth/htpasswd) is imported at
                  first use, and its files stay as they are. What is worth knowing about that
                  comes as a warning.

    May be used while the gate runs, from several threads and several programs at once. All methods
    raise RegistryError, or one that is derived from it, and have changed nothing then.
    """

    def __init__(
        self,
        registry_url: str = "localhost:5000",
        config_dir: Union[str, "os.PathLike[str]"] = "./registry",
    ) -> None:
        service, problem, notes = _native.open(os.fspath(config_dir))
        if service is None:
            raise error_of(*problem)
        self._service = service
        self._registry_url = registry_url
        self._config_dir = os.path.abspath(config_dir)
        for note in notes:
            warnings.warn(note, stacklevel=2)

    @property
    def registry_url(self) -> str:
        return self._registry_url

    @property
    def config_dir(self) -> str:
        return self._config_dir

    def __repr__(self) -> str:
        return f"DockerRegistryManager({self._registry_url!r}, {self._config_dir!r})"

    # Users

    def add_user(
        self,
        name: str,
        password: str,
        permissions: Iterable[_PermissionLike],
        *,
        email: Optional[str] = None,
        expires: Union[datetime, str, None] = None,
        networks: Optional[Iterable[str]] = None,
    ) -> User:
        """Makes an account.

        The password has 12 characters or more: upper and lower case, a digit and a special one.
        expires is when the account ends by itself; networks, as ["10.0.0.0/8"], from where alone it
        may come. Raises ConflictError if the name is taken, UsageError for what cannot be.
        """
        body: dict[str, Any] = {"name": name, "password": password, "permissions": _words(permissions)}
        if email is not None:
            body["email"] = email
        if expires is not None:
            body["expires"] = _time(expires)
        if networks is not None:
            body["from"] = _names("networks", networks)
        return user_of(self._call("POST", ["accounts"], body))

    def update_user(
        self,
        name: str,
        *,
        permissions: Optional[Iterable[_PermissionLike]] = None,
        email: Union[str, None, _Unset] = _UNSET,
        enabled: Optional[bool] = None,
        expires: Union[datetime, str, None, _Unset] = _UNSET,
        networks: Optional[Iterable[str]] = None,
    ) -> User:
        """Changes what is given and leaves the rest. email=None and expires=None take them away,
        networks=[] lets it come from everywhere."""
        body: dict[str, Any] = {}
        if permissions is not None:
            body["permissions"] = _words(permissions)
        if not isinstance(email, _Unset):
            body["email"] = email
        if enabled is not None:
            body["enabled"] = enabled
        if not isinstance(expires, _Unset):
            body["expires"] = None if expires is None else _time(expires)
        if networks is not None:
            body["from"] = _names("networks", networks)
        return user_of(self._call("PATCH", ["accounts", name], body))

    def set_password(self, name: str, password: str) -> None:
        """Gives an account a new password; the old one ends at once."""
        self._call("PUT", ["accounts", name, "password"], {"password": password})

    def remove_user(self, name: str) -> None:
        """Removes an account, its password, and its place in all registrations."""
        self._call("DELETE", ["accounts", name])

    def get_user(self, name: str) -> User:
        return user_of(self._call("GET", ["accounts", name]))

    def list_users(self) -> list[User]:
        """All accounts, by name."""
        return [user_of(item) for item in self._items(["accounts"])]

    # Images

    def register_image(
        self,
        name: str,
        tag: str,
        allowed_users: Optional[Iterable[str]] = None,
        *,
        digest: Optional[str] = None,
        created: Union[datetime, str, None] = None,
        size: Optional[int] = None,
        replace: bool = False,
    ) -> Image:
        """Registers an image for these users; without any, or for an empty list, for everybody.

        It need not have been pushed yet. One that is registered for other users is a ConflictError,
        unless replace is true; digest, created and size are only kept, and shown again.
        """
        body: dict[str, Any] = {"name": name, "tag": tag}
        if allowed_users is not None:
            body["users"] = _names("allowed_users", allowed_users)
        if digest is not None:
            body["digest"] = digest
        if created is not None:
            body["created"] = _time(created)
        if size is not None:
            body["size"] = size
        if replace:
            body["replace"] = True
        return self._image(self._call("POST", ["images"], body))

    def remove_image(self, name: str, tag: str) -> None:
        """Takes an image's registration away. The image itself stays in the registry, closed to
        all but administrators and those whom rules of acl.yml let in."""
        self._call("DELETE", ["images", name, tag])

    def get_image(self, name: str, tag: str) -> Image:
        return self._image(self._call("GET", ["images", name, tag]))

    def list_images(self) -> list[Image]:
        """All images that are registered, by name and tag."""
        return [self._image(item) for item in self._items(["images"], registered="true")]

    # Access

    def check_image_access(
        self, user: str, name: str, tag: str, *, permission: _PermissionLike = Permission.PULL
    ) -> bool:
        """Whether the user may pull the image, or do what else is asked for; whether or not it has
        been pushed yet. A user who does not exist may nothing."""
        (action,) = _words([permission])
        query = [("user", user), ("name", name), ("tag", tag), ("action", action)]
        return bool(self._call("GET", ["access", "check"], query=query)["allowed"])

    def list_accessible_images(self, user: str) -> list[Image]:
        """The images that the user may see or pull, by name and tag."""
        return [self._image(item) for item in self._items(["images"], accessible_to=user)]

    def grant_image_access(self, name: str, tag: str, user: str) -> AccessChange:
        """Puts the user on the list of a registered image."""
        return access_change_of(self._call("PUT", ["images", name, tag, "users", user]))

    def revoke_image_access(self, name: str, tag: str, user: str) -> AccessChange:
        """Takes the user off the list. A list that becomes empty allows nobody. What other rules
        still allow him is in the answer."""
        return access_change_of(self._call("DELETE", ["images", name, tag, "users", user]))

    # Calls

    def _image(self, json_: dict[str, Any]) -> Image:
        return image_of(json_, self._registry_url)

    def _call(
        self,
        method: str,
        path: Sequence[str],
        body: Optional[dict[str, Any]] = None,
        query: Sequence[tuple[str, str]] = (),
    ) -> Any:
        text = "" if body is None else json.dumps(body)
        status, answer = self._service.call(method, path, query, text)
        if status >= 400:
            raise error_of(status, answer)
        return json.loads(answer) if answer else None

    def _items(self, path: Sequence[str], **query: str) -> Iterator[dict[str, Any]]:
        """All pages of a list."""
        parameters = [("limit", "1000"), *query.items()]
        cursor: list[tuple[str, str]] = []
        while True:
            page = self._call("GET", path, query=[*parameters, *cursor])
            yield from page["items"]
            if page["next"] is None:
                return
            cursor = [("cursor", page["next"])]
