"""Fixtures of the flow tests: what a test starts ends with it, whatever happens.

    pytest tests/flow                     as on a developer's machine
    pytest tests/flow --all               as in CI: the large transfers in full size
    LAYERGATE_BIN=… pytest tests/flow     another build, such as one with sanitizers
    LAYERGATE_STORAGE=off pytest …        blobs from the registry's files, wherever it is a real one
    LAYERGATE_STORAGE=write pytest …      and pushed to them
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.gate import Gate
from harness.registry import Registry
from harness.upstream import RecordingUpstream

GateMaker = Callable[..., Gate]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="everything in full size, as CI does")


def pytest_configure(config: pytest.Config) -> None:
    for marker in (
        "concurrent: many threads at once; worth running under ThreadSanitizer",
        "docker: needs root and a Docker engine",
        "large: moves gigabytes",
    ):
        config.addinivalue_line("markers", marker)


@contextlib.contextmanager
def _gate_maker(factory: Callable[[], Path]) -> Iterator[GateMaker]:
    with contextlib.ExitStack() as stack:

        def make(upstream: str, policy: str, passwords: dict[str, str], **options: object) -> Gate:
            gate = Gate(factory(), upstream, policy, passwords, **options)  # type: ignore[arg-type]
            return stack.enter_context(gate)

        yield make


def _directories(root: Path) -> Callable[[], Path]:
    numbers = itertools.count()
    return lambda: root / f"gate{next(numbers)}"


@pytest.fixture
def make_gate(tmp_path: Path) -> Iterator[GateMaker]:
    """Starts gates that end with the test: make_gate(upstream_url, policy, passwords, …)."""
    with _gate_maker(_directories(tmp_path)) as make:
        yield make


@pytest.fixture(scope="module")
def make_module_gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateMaker]:
    """The same for gates that a whole module shares."""
    with _gate_maker(_directories(tmp_path_factory.mktemp("gates"))) as make:
        yield make


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A real registry that the module's tests share: use repository names of your own."""
    with Registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


@pytest.fixture
def upstream() -> Iterator[RecordingUpstream]:
    """A fake registry, new for each test."""
    with RecordingUpstream() as started:
        yield started


@pytest.fixture(scope="session")
def large_mib(request: pytest.FixtureRequest) -> int:
    """How large a large layer is: 5 GiB in CI or with --all, else half a GiB."""
    full = request.config.getoption("--all") or os.environ.get("CI") == "true"
    return int(os.environ.get("LAYERGATE_LARGE_MIB", 5120 if full else 512))


@pytest.fixture
def runroot() -> Iterator[Path]:
    """podman takes no path longer than 50 characters there, and pytest's are."""
    path = Path(tempfile.mkdtemp(prefix="pod-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
