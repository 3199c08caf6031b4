"""Tests of the Python module as the build left it: $LAYERGATE_MODULE_DIR is the directory to import from,
$LAYERGATE_BIN the program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, os.environ.get("LAYERGATE_MODULE_DIR", str(ROOT / "build" / "ci" / "python")))
sys.path.insert(0, str(ROOT / "tests" / "flow"))

from docker_registry_manager import DockerRegistryManager  # noqa: E402

PASSWORD = "Granite-Harbour-42"


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def manager(config_dir: Path) -> DockerRegistryManager:
    return DockerRegistryManager(config_dir=config_dir)
