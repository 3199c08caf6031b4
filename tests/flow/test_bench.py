"""bench/run, in a small size: what it measures is there, and nothing stays behind.

No time is compared with any other: this is about the tool.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import xml.etree.ElementTree
from pathlib import Path

import pytest

from harness.gate import ROOT, program
from harness.process import run

sys.path.append(str(ROOT / "bench"))

from report import goals  # noqa: E402

_RUN = ROOT / "bench" / "run"
_SVG = "{http://www.w3.org/2000/svg}"


def bench(out: Path, *options: str) -> str:
    result = run("/usr/bin/python3", _RUN, "--quick", "--bin", program(), "--out", out, *options, timeout=300)
    return result.stdout.decode()


def only(out: Path, pattern: str) -> Path:
    [file] = out.glob(pattern)
    return file


def processes_with(text: str) -> list[str]:
    """Command lines of running processes that hold `text`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue  # it ended meanwhile
        if text.encode() in line:
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def test_a_small_run_leaves_a_page_numbers_and_plots(tmp_path: Path) -> None:
    peers = ["registry", "splice-loop", "layergate", "layergate-storage", "nginx-256k"]
    said = bench(tmp_path, "--rounds", "2", "--only", "pull", "push", "tls", "skopeo", "--sizes", "8MiB",
                 "--clients", "1", "8", "--peers", *peers)
    assert "round 2 of 2" in said
    result = json.loads(only(tmp_path, "*.json").read_text())
    assert result["rounds"] == 2
    assert result["failures"] == []
    assert result["notes"] == []
    pulls = result["samples"]["pull, 8 MiB, 8 clients"]
    assert list(pulls) == peers
    for samples in (samples for case in result["samples"].values() for samples in case.values()):
        assert len(samples) == 2
        assert all(sample["rate"] > 0 for sample in samples)
    # What the peers are there for: one passes the registry, the other goes through it.
    assert all(sample["proxy_cpu"] == 0 for sample in pulls["registry"])
    assert max(sample["registry_cpu"] for sample in pulls["layergate"]) > 0
    assert result["samples"]["pull over TLS, 8 MiB, 1 client"].keys() >= {"layergate", "nginx-256k"}

    page = only(tmp_path, "*.md").read_text()
    [goal] = [line for line in page.splitlines()
              if line.startswith("| pull through the upstream: throughput | 8 MiB, 8 clients |")]
    assert "≥ 0.95 × splice-loop" in goal
    assert goal.endswith(("| met |", "| **missed** |"))
    assert "| push with `storage_mode: write`: whole time | – |" in page, "a goal that was not measured is told"

    for kind in ("throughput", "cpu"):
        file = only(tmp_path, f"*-{kind}.svg")
        drawn = xml.etree.ElementTree.parse(file).getroot()
        assert file.name in page
        assert {text.text for text in drawn.iter(f"{_SVG}text")} >= {"8 MiB" if kind == "throughput" else "s/GiB",
                                                                     *peers}
        marks = drawn.findall(f"{_SVG}circle") if kind == "throughput" else drawn.findall(f"{_SVG}rect")
        assert len(marks) > 5


# In a mount namespace of its own: programs that no one may execute are as good as not installed.
_WITHOUT = """\
set -eu
for name in nginx wrk; do
  for directory in /usr/bin /usr/sbin; do
    [ ! -e "$directory/$name" ] || mount --bind /dev/null "$directory/$name"
  done
done
exec /usr/bin/python3 "$@"
"""


def test_who_is_missing_is_told_and_the_others_are_measured(tmp_path: Path) -> None:
    run("unshare", "--mount", "bash", "-c", _WITHOUT, "without", _RUN, "--quick", "--rounds", "1", "--bin",
        program(), "--out", tmp_path, "--only", "pull", "manifest", "--sizes", "1KiB", "8MiB", "--clients", "1",
        "--peers", "registry", "layergate", "nginx-256k", timeout=300)
    result = json.loads(only(tmp_path, "*.json").read_text())
    assert "nginx-256k: skipped, nginx-light is not installed" in result["notes"]
    assert any(note.startswith("manifest: skipped") for note in result["notes"])
    assert any(note.startswith("pulls of 1 KiB: skipped") for note in result["notes"])
    assert {name: list(case) for name, case in result["samples"].items()} == {
        "pull, 8 MiB, 1 client": ["registry", "layergate"]}


def test_a_run_that_is_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            ["/usr/bin/python3", _RUN, "--rounds", "100", "--only", "pull", "--sizes", "64MiB", "--clients", "8",
             "--bin", program(), "--out", tmp_path, "--peers", "registry", "layergate"],
            stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 120
        while b"left] pull" not in log.read_bytes():
            assert running.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        lines = [Path(f"/proc/{child}/cmdline").read_text() for child in children]
        [directory] = {part for line in lines for part in line.split("/") if part.startswith("layergate-bench-")}
        running.terminate()
        assert running.wait(60) == 1
    finally:
        running.kill()
        running.wait()
    assert "bench/run: stopped" in log.read_text()
    assert processes_with(directory) == []
    assert not (Path("/dev/shm") / directory).exists()


@pytest.mark.parametrize("options", [["--sizes", "0MiB"], ["--sizes", "1GB"], ["--peers", "nobody"],
                                     ["--only", "everything"], ["--bin", "/nowhere"]], ids=" ".join)
def test_a_wrong_option_is_refused(options: list[str]) -> None:
    result = run("/usr/bin/python3", _RUN, *options, check=False)
    assert result.returncode == 2
    assert b"bench/run: error: " in result.stderr


def goal_rows(size: int, clients: int, ours: dict[str, float], theirs: dict[str, float]) -> list[goals.Row]:
    """The goals that compare layergate's pulls with haproxy's; three rounds, the second of which failed."""
    case = {"task": "pull", "name": "a pull", "unit": "GiB", "size": size, "clients": clients}
    return goals.rows([case], {"a pull": {"layergate": [ours, None, ours], "haproxy": [theirs, theirs, theirs]}})


def test_a_goal_is_a_ratio_within_a_round() -> None:
    sample = {"proxy_cpu": 0.6, "proxy_seconds": 0.6, "server_seconds": 1.0, "rate": 1.0}
    [row] = goal_rows(1 << 30, 8, {**sample, "proxy_cpu": 0.27}, sample)
    assert row.ratios == [pytest.approx(0.45)] * 2
    assert row.cells()[-2:] == ["10% below", "met"]
    [row] = goal_rows(1 << 30, 8, {**sample, "proxy_cpu": 0.33}, sample)
    assert row.cells()[-2:] == ["10% above", "**missed**"]
    [row] = goal_rows(1 << 30, 8, {**sample, "proxy_cpu": 0.33}, {**sample, "proxy_seconds": 0.09})
    assert row.cells()[-1] == "too little CPU time to tell"


def test_the_best_of_several_peers_is_the_measure() -> None:
    def sample(cpu: float) -> dict[str, float]:
        return {"proxy_cpu": cpu, "proxy_seconds": cpu, "server_seconds": cpu, "rate": 1.0}

    case = {"task": "tls", "name": "a pull", "unit": "GiB", "size": 1 << 30, "clients": 1}
    [row] = goals.rows([case], {"a pull": {
        "layergate": [sample(1.0), sample(1.0)], "haproxy": [sample(2.0), sample(4.0)],
        "caddy": [sample(3.0), sample(2.5)]}})
    assert row.ratios == [pytest.approx(0.5), pytest.approx(0.4)]


def test_the_types_are_right() -> None:
    folders = [ROOT / "bench" / name for name in ("peers", "tasks", "report")]
    run("/usr/bin/python3", "-m", "mypy", "--strict", "--cache-dir", "/dev/null", _RUN, *folders,
        environment={"MYPYPATH": f"{ROOT}/bench:{ROOT}/tests/flow"})
