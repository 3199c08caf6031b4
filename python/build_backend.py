"""Builds the wheel of docker_registry_manager (PEP 517) with cmake and what is installed.

`pip install ./python` calls this; it needs a checkout of the whole repository around it, the
packages of scripts/packages/build.txt, and no network.
"""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from typing import Any, Optional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PACKAGE = "docker_registry_manager"


def get_requires_for_build_wheel(config_settings: Optional[dict[str, Any]] = None) -> list[str]:
    return []


def build_sdist(sdist_directory: str, config_settings: Optional[dict[str, Any]] = None) -> str:
    raise RuntimeError("the package is built from a checkout of the repository, not from a source archive")


def build_wheel(
    wheel_directory: str,
    config_settings: Optional[dict[str, Any]] = None,
    metadata_directory: Optional[str] = None,
) -> str:
    built = _build()
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    version = project["version"]
    abi = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag = f"{abi}-{abi}-{platform}"
    info = f"{PACKAGE}-{version}.dist-info"
    files = {f"{PACKAGE}/{file.name}": file.read_bytes() for file in sorted(built.iterdir()) if _belongs(file)}
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n"
        f"Summary: {project['description']}\nRequires-Python: {project['requires-python']}\n"
    ).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: layergate\nRoot-Is-Purelib: false\nTag: {tag}\n"
    ).encode()
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    name = f"{PACKAGE}-{version}-{tag}.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in files.items():
            wheel.writestr(path, data)
    return name


def _build() -> Path:
    """Returns the directory of the package in the build."""
    if not (ROOT / "CMakePresets.json").is_file():
        raise RuntimeError(f"{ROOT} is no checkout of the repository: install from one, pip install ./python")
    preset = os.environ.get("LAYERGATE_PRESET", "release")
    # Not that of a virtual environment, which may go while CMake remembers it.
    python = os.path.realpath(sys.executable)
    jobs = str(os.cpu_count() or 1)
    subprocess.run(["cmake", "--preset", preset, f"-DPython_EXECUTABLE={python}"], cwd=ROOT, check=True)
    subprocess.run(["cmake", "--build", "--preset", preset, "--parallel", jobs, "--target", PACKAGE],
                   cwd=ROOT, check=True)
    return ROOT / "build" / preset / "python" / PACKAGE


def _belongs(file: Path) -> bool:
    """Not what was built for another interpreter."""
    suffix = str(sysconfig.get_config_var("EXT_SUFFIX"))
    return file.is_file() and (file.suffix != ".so" or file.name == f"_native{suffix}")


def _record(files: dict[str, bytes], itself: str) -> bytes:
    lines = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(data)}")
    return ("\n".join([*lines, f"{itself},,"]) + "\n").encode()
