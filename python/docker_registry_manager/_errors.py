"""Why something was not done."""

from __future__ import annotations

import json


class RegistryError(Exception):
    """The base of all that this package raises. str() of it is the reason, for a person.

    code    a word for programs, as the management API's: "not_found", "conflict", …
    detail  the reason
    status  the HTTP status that the management API would answer
    """

    def __init__(self, detail: str, code: str = "io", status: int = 500) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status


class NotFoundError(RegistryError, LookupError):
    """There is no such user or image."""


class ConflictError(RegistryError):
    """It contradicts what is there: the user exists, the image is registered for others."""


class UsageError(RegistryError, ValueError):
    """What was given cannot be: a weak password, an unknown permission, no valid name."""


class InvalidError(RegistryError):
    """The configuration or the policy is not valid, or would not be after the change."""


class DeniedError(RegistryError):
    """Not with these rights."""


class ChangedError(RegistryError):
    """Somebody else changed it meanwhile."""


class StorageError(RegistryError, OSError):
    """The disk: no permission, no room, a lock that is held too long."""


_KINDS: dict[str, type[RegistryError]] = {
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "usage": UsageError,
    "invalid": InvalidError,
    "denied": DeniedError,
    "changed": ChangedError,
    "io": StorageError,
}


def error_of(status: int, text: str) -> RegistryError:
    """The exception for a problem (RFC 9457) of the management API."""
    problem = json.loads(text)
    code, detail = str(problem["code"]), str(problem["detail"])
    return _KINDS.get(code, RegistryError)(detail, code, status)
