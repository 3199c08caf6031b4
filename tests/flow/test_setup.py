"""setup_registry.sh from an operator's side, each installation in directories of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.gate import ROOT
from harness.images import digest_of, image, write_layout
from harness.managed import wait_for
from harness.ports import free_port
from harness.process import Process, run
from harness.rawhttp import Connection, basic
from harness.registry import Registry
from harness.setup import Installation, lives

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="installing for a service needs root")

STRONG = "Correct-horse-7-battery"


@pytest.fixture
def make_installation() -> Iterator[Callable[..., Installation]]:
    made: list[Installation] = []

    def make(**options: str) -> Installation:
        made.append(Installation(**options))
        return made[-1]

    yield make
    for installation in made:
        installation.remove()


@pytest.fixture
def place(make_installation: Callable[..., Installation]) -> Installation:
    """Directories and ports in which nothing is set up yet."""
    return make_installation()


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    """An installation that tests share which leave it as it was."""
    made = Installation()
    try:
        made.first = made.setup()  # type: ignore[attr-defined]
        yield made
    finally:
        made.remove()


def mode_and_owner(path: Path) -> tuple[str, str, str]:
    return (stat.filemode(path.stat().st_mode), path.owner(), path.group())


def status_fields(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


# The first run


def test_api_and_ui_answer_after_the_first_run(running: Installation) -> None:
    refused = running.ask("/v2/")
    assert refused.status == 401
    assert refused["www-authenticate"].startswith("Basic realm=")
    assert running.ask_ui().status == 200


def test_password_that_was_made_logs_in_and_is_not_printed(running: Installation) -> None:
    password = running.password()
    assert running.ask("/v2/", "admin", password).status == 200
    assert running.ask("/v2/", "admin", password + "x").status == 401
    first = running.first  # type: ignore[attr-defined]
    assert password not in first.output + first.trouble
    assert f"{running.config}/admin.password (mode 0600)" in first.output
    kinds = [r"[A-Z]", r"[a-z]", r"[0-9]", r"[^A-Za-z0-9]", r"^.{16,}$"]
    assert all(re.search(kind, password) for kind in kinds)


def test_next_three_commands_are_printed(running: Installation) -> None:
    door = f"localhost:{running.port}"
    output = running.first.output  # type: ignore[attr-defined]
    for command in (f"docker login {door}", f"docker push {door}/", f"docker pull {door}/"):
        assert command in output


def test_files_belong_to_root_or_the_service_and_nobody_else_reads_them(running: Installation) -> None:
    for name in ("layergate.yml", "acl.yml", "registry.yml"):
        assert mode_and_owner(running.config / name) == ("-rw-r-----", "root", "layergate"), name
    assert mode_and_owner(running.config / "admin.password") == ("-rw-------", "root", "layergate")
    assert mode_and_owner(running.config) == ("drwxrws--T", "root", "layergate")
    # What the management API changes.
    for name in ("htpasswd", "acl.d/managed.yml"):
        assert mode_and_owner(running.config / name) == ("-rw-r-----", "layergate", "layergate"), name
    assert mode_and_owner(running.config / "acl.d") == ("drwxrws--T", "root", "layergate")
    for name in ("registry", "socket", "state"):
        expected = ("drwx------", "layergate", "layergate")
        assert mode_and_owner(running.data / name) == expected, name
    assert mode_and_owner(running.data / "run")[1] == "root"


@pytest.mark.parametrize("name", ["registry", "layergate"])
def test_service_runs_without_rights_environment_or_files_of_its_starter(
    running: Installation, name: str
) -> None:
    pid = running.pid(name)
    fields = status_fields(pid)
    account = (running.data / "state").stat().st_uid
    assert fields["Uid"].split() == [str(account)] * 4
    assert fields["Groups"].strip() == ""
    assert fields["NoNewPrivs"] == "1"
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[capabilities], 16) == 0, capabilities
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"LAYERGATE_BIN" not in environment and b"HOME=" not in environment
    # A caller's pipe that stayed open here would keep the caller's reader waiting.
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    for number in (1, 2):
        assert os.readlink(f"/proc/{pid}/fd/{number}") == f"{running.data}/logs/{name}.log"


def test_registry_listens_on_no_port(running: Installation) -> None:
    listening = run("ss", "-Hltnp").stdout.decode()
    assert f"pid={running.pid('registry')}," not in listening
    assert f"pid={running.pid('layergate')}," in listening
    assert (running.data / "socket/registry.sock").is_socket()


def test_administrator_pushes_and_pulls(running: Installation, tmp_path: Path) -> None:
    layout = write_layout(image(), tmp_path / "pushed")
    remote = f"docker://127.0.0.1:{running.port}/telechat:7b-fp16"
    account = f"admin:{running.password()}"
    run("skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", account,
        f"oci:{layout}:latest", remote)
    run("skopeo", "copy", "--src-tls-verify=false", "--src-creds", account,
        remote, f"oci:{tmp_path}/pulled:latest")
    blobs = sorted(file.name for file in (layout / "blobs/sha256").iterdir())
    assert blobs == sorted(file.name for file in (tmp_path / "pulled/blobs/sha256").iterdir())


def test_the_api_and_root_change_the_same_accounts(running: Installation) -> None:
    fields = [basic("admin", running.password()), ("Content-Type", "application/json"),
              ("X-Layergate-Request", "1"), ("Connection", "close")]

    def call(method: str, path: str, body: object = None) -> int:
        with Connection(("127.0.0.1", running.ui_port)) as connection:
            data = b"" if body is None else json.dumps(body).encode()
            return connection.request(method, f"/api/v1/accounts{path}", fields, data,
                                      host=f"127.0.0.1:{running.ui_port}").status

    first, second = "Granite-Harbour-41", "Meadow-Lantern-52"
    account = {"name": "eve", "password": first, "permissions": ["view", "pull"]}
    assert call("POST", "", account) == 201
    assert running.ask("/v2/", "eve", first).status == 200
    run(running.data / "bin/layergate", "user", "passwd", "eve", "--password-stdin", "--config-dir",
        running.config, stdin=f"{second}\n".encode())
    assert call("PATCH", "/eve", {"email": "eve@example.com"}) == 200
    assert call("PUT", "/eve/password", {"password": first}) == 204
    assert running.ask("/v2/", "eve", first).status == 200
    assert call("DELETE", "/eve") == 204
    assert running.ask("/v2/", "eve", first).status == 401


def test_no_start_does_all_but_start(place: Installation) -> None:
    result = place.setup("--no-start")
    assert "nothing was started" in result.output
    for file in ("layergate.yml", "acl.yml", "registry.yml", "htpasswd", "admin.password"):
        assert (place.config / file).is_file(), file
    assert list((place.data / "run").glob("*.pid")) == []
    assert place.script("--status").status == 1
    # The same command without it goes on from there, with the same ports.
    assert place.script().status == 0
    assert place.ask("/v2/", "admin", place.password()).status == 200


def test_everything_stays_below_the_given_directories(place: Installation) -> None:
    outside = [Path("/etc/layergate"), Path("/var/lib/layergate"), Path("/usr/local/bin/layergate")]
    before = [path.exists() for path in outside]
    place.setup("--no-start")
    assert [path.exists() for path in outside] == before
    assert (place.data / "bin/layergate").is_file()


def test_anybody_sets_up_for_himself(make_installation: Callable[..., Installation]) -> None:
    place = make_installation(account="nobody")
    place.setup()
    assert place.ask("/v2/", "admin", place.password()).status == 200
    nobody = os.stat(place.root).st_uid
    assert status_fields(place.pid("layergate"))["Uid"].split()[0] == str(nobody)
    # Lock files are empty, and the directory itself is closed.
    for path in [place.config, *place.config.rglob("*")]:
        assert path.suffix == ".lock" or path.stat().st_mode & 0o077 == 0, path
    assert place.script("--stop").status == 0


# Another run


def test_another_run_changes_nothing(running: Installation) -> None:
    def picture() -> dict[str, tuple[float, bytes]]:
        files = [*running.config.rglob("*"), *(running.data / "run").glob("*.pid"),
                 running.data / "bin/layergate"]
        return {str(file): (file.stat().st_mtime, file.read_bytes())
                for file in files if file.is_file()}

    before = picture()
    again = running.script()
    assert again.status == 0, again
    assert "its password is left as it is" in again.output
    assert picture() == before
    assert running.script("--status").status == 0


def test_new_program_restarts_layergate_alone(place: Installation) -> None:
    place.setup()
    registry, layergate = place.pid("registry"), place.pid("layergate")
    changed = place.root / "newer"
    shutil.copy(place.program, changed)
    with changed.open("ab") as file:
        file.write(b"\n")
    place.program = changed
    assert place.script().status == 0
    assert place.pid("registry") == registry
    assert place.pid("layergate") != layergate
    assert (place.data / "bin/layergate").read_bytes() == changed.read_bytes()


def test_port_option_changes_one_line_and_restarts(place: Installation) -> None:
    place.setup()
    settings = place.config / "layergate.yml"
    edited = settings.read_text() + "# a line of the operator's\n"
    settings.write_text(edited)
    old = place.port
    place.port = free_port()
    assert place.script("--port", str(place.port)).status == 0
    assert place.ask("/v2/").status == 401
    assert settings.read_text() == edited.replace(f":{old}", f":{place.port}")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", old)) != 0


def test_registry_that_died_is_started_again(place: Installation) -> None:
    place.setup()
    killed = place.pid("registry")
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while lives(killed):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    looked = place.script("--status")
    assert looked.status == 1 and "registry   not running" in looked.output
    layergate = place.pid("layergate")
    assert place.script().status == 0
    assert place.script("--status").status == 0
    assert place.pid("layergate") == layergate


def test_invalid_policy_is_named_and_disturbs_nothing(place: Installation) -> None:
    place.setup()
    layergate = place.pid("layergate")
    policy = place.config / "acl.yml"
    policy.write_text(policy.read_text() + "\nrulez: []\n")
    result = place.script()
    assert result.status == 1
    line = len(policy.read_text().splitlines())
    assert f"acl.yml:{line}:" in result.trouble and "rulez" in result.trouble
    assert place.pid("layergate") == layergate
    assert place.ask("/v2/", "admin", place.password()).status == 200


# Stopping


def test_stop_frees_the_ports_and_may_be_repeated(place: Installation) -> None:
    place.setup()
    pids = [place.pid("registry"), place.pid("layergate")]
    assert place.script("--stop").status == 0
    assert not any(lives(pid) for pid in pids)
    for port in (place.port, place.ui_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    again = place.script("--stop")
    assert again.status == 0 and "nothing runs" in again.output
    looked = place.script("--status")
    assert looked.status == 1 and "not running" in looked.output


def test_stop_leaves_a_process_that_inherited_the_number(
    place: Installation, tmp_path: Path
) -> None:
    place.setup("--no-start")
    with Process(["sleep", "60"], tmp_path / "sleep.log") as stranger:
        (place.data / "run/layergate.pid").write_text(f"{stranger.pid}\n")
        assert place.script("--stop").status == 0
        assert stranger.returncode is None


# The administrator


def test_password_from_a_file(place: Installation) -> None:
    file = place.root / "password"
    file.write_text(f"{STRONG}\nsecond line\n")
    result = place.setup("--admin", "root-of-all", "--admin-password-file", str(file))
    assert STRONG not in result.output + result.trouble
    assert place.ask("/v2/", "root-of-all", STRONG).status == 200
    assert list(place.config.glob("*.password")) == []


def test_weak_password_is_refused_with_the_rule(place: Installation) -> None:
    file = place.root / "password"
    file.write_text("short\n")
    result = place.script(*place.ports, "--no-start", "--admin-password-file", str(file))
    assert result.status == 1
    assert "12 characters" in result.trouble
    assert not (place.config / "htpasswd").exists() or "admin:" not in (
        place.config / "htpasswd").read_text()


def test_password_is_asked_for_on_a_terminal(place: Installation) -> None:
    shown = place.on_terminal([STRONG, "something else", STRONG, STRONG])
    assert "they differ (1 of 3)" in shown
    assert STRONG not in shown
    assert place.ask("/v2/", "admin", STRONG).status == 200


# An external registry


def test_upstream_takes_the_place_of_the_embedded_registry(place: Installation) -> None:
    with Registry(place.root / "theirs", unix=False) as theirs:
        result = place.setup("--upstream", theirs.url)
        assert theirs.url in result.output
        assert not (place.data / "run/registry.pid").exists()
        assert not (place.config / "registry.yml").exists()
        answer = place.ask("/v2/nothing/tags/list", "admin", place.password())
        assert answer.status in (200, 404)
        looked = place.script("--status")
        assert looked.status == 0 and f"external: {theirs.url}" in looked.output


def test_layers_come_from_the_embedded_registrys_files(running: Installation,
                                                       tmp_path: Path) -> None:
    made = image()
    layout = write_layout(made, tmp_path / "pushed")
    run("skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", f"admin:{running.password()}",
        f"oci:{layout}:latest", f"docker://127.0.0.1:{running.port}/files:1")
    layer = f"/v2/files/blobs/{digest_of(made.blobs[-1])}"

    def served() -> int:
        assert running.ask(layer, "admin", running.password()).body == made.blobs[-1]
        text = running.ask_ui("/metrics").body.decode()
        return int(text.split("\nlayergate_storage_served_total ")[1].split("\n")[0])

    # The first answers are the registry's, until the bytes were compared with the digest.
    wait_for(True, lambda: served() > 0, "a layer from its file")


def test_files_are_left_with_the_embedded_registry(place: Installation) -> None:
    place.setup()
    settings = place.config / "layergate.yml"
    assert f"  storage: {place.data}/registry\n" in settings.read_text()
    with Registry(place.root / "theirs", unix=False) as theirs:
        result = place.setup("--upstream", theirs.url)
        assert "upstream.storage is taken away" in result.output
        assert "  storage" not in settings.read_text()


# What can go wrong


def test_port_in_use_is_said_before_anything_is_made(place: Installation) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", place.port))
        holder.listen()
        result = place.script(*place.ports)
    assert result.status == 1
    assert f"port {place.port} is in use by" in result.trouble
    assert f"pid {os.getpid()}" in result.trouble
    assert "--port PORT" in result.trouble
    assert not place.config.exists()


def test_directory_that_the_service_cannot_enter(place: Installation) -> None:
    closed = place.root / "closed"
    closed.mkdir(mode=0o700)
    place.data = closed / "data"
    result = place.script(*place.ports)
    assert result.status == 1
    assert f"cannot enter {closed}" in result.trouble and "chmod o+x" in result.trouble


def test_socket_path_that_is_too_long(place: Installation) -> None:
    place.data = place.root / ("d" * 100)
    result = place.script(*place.ports)
    assert result.status == 1 and "shorter --data-dir" in result.trouble


def test_layergate_that_cannot_start_shows_its_reason(place: Installation) -> None:
    place.setup("--no-start")
    broken = place.root / "broken"
    # Everything but serve works.
    broken.write_text(f'#!/bin/sh\n[ "$1" != serve ] && exec {place.program} "$@"\n'
                      "echo the reason of the day >&2; exit 4\n")
    broken.chmod(0o755)
    place.program = broken
    result = place.script()
    assert result.status == 1
    assert "the reason of the day" in result.trouble
    assert "layergate ended instead of answering" in result.trouble


@pytest.mark.parametrize(
    "options",
    [
        ["--bogus"],
        ["extra"],
        ["--port"],
        ["--port", "0"],
        ["--port", "65536"],
        ["--port", "5000x"],
        ["--port", "5001", "--ui-port", "5001"],
        ["--stop", "--status"],
        ["--admin", "no:colon"],
        ["--admin", ""],
        ["--upstream", "ftp://elsewhere"],
        ["--upstream", "http://a b"],
        ["--config-dir", "/tmp/a b"],
        ["--admin-password-file", "/nonexistent"],
    ],
)
def test_wrong_usage(place: Installation, options: list[str]) -> None:
    result = place.script(*options)
    assert result.status == 2, result
    assert "usage: ./setup_registry.sh" in result.trouble
    assert not place.config.exists()


# The documents


def documented_commands() -> list[str]:
    text = (ROOT / "docs/setup.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 8
    return blocks


def test_every_command_of_the_document_works(
    make_installation: Callable[..., Installation],
) -> None:
    """In the order of the page, with the places and ports of this test. docker itself is the
    matter of the tests with an engine, and cmake of whoever built this program."""
    place, second = make_installation(), make_installation()
    place.setup()
    (place.root / "admin-password.txt").write_text(f"{STRONG}\n")
    with Registry(place.root / "theirs", unix=False) as theirs:
        swaps = {
            "./setup_registry.sh": " ".join(["./setup_registry.sh", *place.places]),
            "/srv/second": str(second.root),
            "--port 5010 --ui-port 8090": " ".join(second.ports),
            "/etc/layergate": str(place.config),
            "/var/lib/layergate": str(place.data),
            "/usr/local/bin/layergate": str(place.data / "bin/layergate"),
            "/root/": f"{place.root}/",
            "http://127.0.0.1:5001": theirs.url,
        }
        environment = {"LAYERGATE_BIN": str(place.program),
                       "PATH": f"{place.data}/bin:{os.environ['PATH']}"}
        for block in documented_commands():
            if block.startswith(("docker ", "cmake ")):
                continue
            for old, new in swaps.items():
                block = block.replace(old, new)
            # One of the commands removes directories: none but this test's.
            assert not re.search(r"(?<![^\s<>])/(etc|var|usr|srv|root)/", block), block
            run("bash", "-euo", "pipefail", "-c", block, cwd=ROOT, timeout=180,
                environment=environment)
    assert not place.config.exists() and not place.data.exists()
    assert second.ask("/v2/").status == 401


# Runs that were interrupted, and what they must not leave


def test_account_without_its_half_in_the_policy_is_completed(place: Installation) -> None:
    place.setup("--no-start")
    (place.config / "acl.d/managed.yml").unlink()
    before = place.password()
    assert place.script("--no-start").status == 0
    assert place.password() != before
    place.setup()
    assert place.ask("/v2/_catalog", "admin", place.password()).status == 200


def test_broken_policy_makes_no_half_of_an_account(place: Installation) -> None:
    place.config.mkdir()
    policy = place.config / "acl.yml"
    policy.write_text("version: 1\nrulez: []\n")
    refused = place.script(*place.ports, "--no-start")
    assert refused.status == 1 and "acl.yml:2:" in refused.trouble
    assert not list(place.config.glob("*.password")) and not list(place.config.glob(".*.password.*"))
    policy.write_text("version: 1\n")
    place.setup()
    assert place.ask("/v2/_catalog", "admin", place.password()).status == 200


def test_kept_password_is_for_nobody_else_whatever_stood_there(place: Installation) -> None:
    place.config.mkdir()
    kept = place.config / "admin.password"
    kept.write_text("old\n")
    kept.chmod(0o666)
    place.setup("--no-start")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.read_text() != "old\n"


def test_options_that_make_no_valid_configuration_change_nothing(place: Installation) -> None:
    place.setup()
    settings = place.config / "layergate.yml"
    before = settings.read_text()
    result = place.script("--upstream", "http://registry.example:99999")
    assert result.status == 1 and "layergate.yml:" in result.trouble
    assert settings.read_text() == before
    assert list(place.root.glob("config.trial.*")) == []
    assert place.script("--status").status == 0


def test_data_directory_behind_a_link(place: Installation) -> None:
    (place.root / "real").mkdir()
    place.data.symlink_to("real")
    place.setup()
    assert place.script("--status").status == 0
    assert "layergate runs already" in place.script().output
    assert place.script("--stop").status == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", place.port)) != 0


@pytest.mark.parametrize("options", [["--upstream", "https://registry.example"],
                                     ["--upstream", "http://user:secret@registry.example"],
                                     ["--upstream", "http://registry.example/path"]], ids=str)
def test_upstream_that_is_not_built(place: Installation, options: list[str]) -> None:
    result = place.script(*options)
    assert result.status == 2 and "--upstream needs" in result.trouble
