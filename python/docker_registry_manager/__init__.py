"""Manages the accounts, images and rights of a Layergate registry from Python.

    from docker_registry_manager import DockerRegistryManager, Permission

    manager = DockerRegistryManager(registry_url="localhost:5000", config_dir="./registry")
    manager.add_user("user1", "Quiet-Otter-Climbs-42", [Permission.VIEW, Permission.PULL])
    manager.register_image("telechat", "7b-fp16", allowed_users=["user1"])
    manager.check_image_access("user1", "telechat", "7b-fp16")

A gate that runs on the same config dir takes each change over within a second or two.
"""

from ._errors import (
    ChangedError,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    RegistryError,
    StorageError,
    UsageError,
)
from ._manager import DockerRegistryManager
from ._types import AccessChange, Image, Permission, User

__all__ = [
    "AccessChange",
    "ChangedError",
    "ConflictError",
    "DeniedError",
    "DockerRegistryManager",
    "Image",
    "InvalidError",
    "NotFoundError",
    "Permission",
    "RegistryError",
    "StorageError",
    "UsageError",
    "User",
]
