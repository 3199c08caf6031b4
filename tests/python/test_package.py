"""The package as one installs it, types it, and calls it from a shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import venv
from pathlib import Path

import pytest

from conftest import PASSWORD, ROOT

IMPORT_FROM = os.environ.get("LAYERGATE_MODULE_DIR", str(ROOT / "build" / "ci" / "python"))


def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True,
                          check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_pip_installs_it_without_an_index(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    # A network of its own, in which there is nothing.
    made = run("unshare", "--net", python, "-m", "pip", "install", "--disable-pip-version-check",
               ROOT / "python", cwd=tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    script = textwrap.dedent(f"""\
        from docker_registry_manager import DockerRegistryManager, Permission
        manager = DockerRegistryManager(config_dir={str(tmp_path / "registry")!r})
        print(manager.add_user("alice", {PASSWORD!r}, [Permission.VIEW]).name)
        """)
    used = run(python, "-I", "-c", script, cwd=tmp_path)
    assert used.stdout == "alice\n", used
    shown = run(python, "-m", "pip", "--disable-pip-version-check", "show", "-f", "docker-registry-manager")
    assert "docker_registry_manager/py.typed" in shown.stdout, shown
    gone = run(python, "-m", "pip", "--disable-pip-version-check", "uninstall", "-y", "docker-registry-manager")
    assert gone.returncode == 0 and run(python, "-c", "import docker_registry_manager").returncode != 0


GOOD = """\
from docker_registry_manager import DockerRegistryManager, Image, Permission, RegistryError, User
manager = DockerRegistryManager(registry_url="localhost:5000", config_dir="./registry")
user: User = manager.add_user("user1", "Quiet-Otter-Climbs-42", [Permission.VIEW, Permission.PULL])
allowed: bool = manager.check_image_access("user1", "telechat", "7b-fp16")
images: list[Image] = manager.list_accessible_images("user1")
name: str = images[0].name + images[0].tag + Permission.VIEW.value
"""


def mypy(*files: Path) -> subprocess.CompletedProcess[str]:
    # Debian's, whichever interpreter runs the tests.
    return run("/usr/bin/python3", "-m", "mypy", "--strict", "--cache-dir", "/dev/null", *files,
               env={**os.environ, "MYPYPATH": IMPORT_FROM})


def test_it_is_typed(tmp_path: Path) -> None:
    checked = mypy(Path(IMPORT_FROM) / "docker_registry_manager")
    assert checked.returncode == 0, checked.stdout
    (tmp_path / "good.py").write_text(GOOD)
    checked = mypy(tmp_path / "good.py")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("line", [
    'manager.add_user("a", "b")',
    "manager.list_users()[0].nam",
    'size: int = manager.get_image("a", "b").size',
    'manager.register_image("a", "b", allowed_user=["c"])',
])
def test_mistakes_are_found_before_they_run(tmp_path: Path, line: str) -> None:
    (tmp_path / "bad.py").write_text(GOOD + line + "\n")
    checked = mypy(tmp_path / "bad.py")
    assert checked.returncode == 1 and f"bad.py:{GOOD.count(chr(10)) + 1}: error" in checked.stdout


def test_the_document_s_examples_run(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    ran = run(sys.executable, "-c", "".join(blocks), cwd=tmp_path, env={**os.environ, "PYTHONPATH": IMPORT_FROM})
    assert ran.returncode == 0, ran


class TestOldProgram:
    SCRIPT = ROOT / "python" / "registry_cli.py"

    def test_it_hands_over(self, tmp_path: Path) -> None:
        program = tmp_path / "layergate"
        program.write_text('#!/bin/sh\nprintf "%s|" "$@"\nexit 3\n')
        program.chmod(0o755)
        arguments = ["user", "add", "a b", "--permissions", "view,pull"]
        for environment in ({"LAYERGATE_BIN": str(program)}, {"PATH": f"{tmp_path}:{os.environ['PATH']}"}):
            own = {key: value for key, value in os.environ.items() if key != "LAYERGATE_BIN"}
            ran = run(sys.executable, self.SCRIPT, *arguments, env={**own, **environment})
            assert (ran.returncode, ran.stdout) == (3, "user|add|a b|--permissions|view,pull|"), ran

    def test_it_says_what_is_missing(self, tmp_path: Path) -> None:
        ran = run(sys.executable, self.SCRIPT, "user", "list", env={"LAYERGATE_BIN": str(tmp_path / "none")})
        assert ran.returncode == 4 and "cannot run" in ran.stderr, ran

    def test_it_works_on_what_the_module_wrote(self, tmp_path: Path) -> None:
        run(sys.executable, "-c", GOOD.splitlines()[0] + "\n" + "\n".join(GOOD.splitlines()[1:3]), cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": IMPORT_FROM})
        ran = run(sys.executable, self.SCRIPT, "--config-dir", "registry", "user", "list", cwd=tmp_path)
        assert ran.returncode == 0 and "user1" in ran.stdout, ran
