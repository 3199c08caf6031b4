"""The container set-up: docker-compose.yml is sound, and nginx/layergate.conf carries real pushes
and pulls over TLS to the real program."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.gate import ROOT, Gate, program
from harness.images import image, write_layout
from harness.ports import free_port
from harness.process import Process, run
from harness.rawhttp import Connection
from harness.registry import Registry

PASSWORDS = {"ci": "Fourteen-letters-1"}
POLICY = """
version: 1
users:
  ci: {permissions: [view, pull, push]}
rules:
  - {who: [ci], images: ["**"], allow: [view, pull, push]}
"""


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """docker-compose.yml as docker-compose itself understands it."""
    directory = tmp_path_factory.mktemp("operator")
    shown = run("docker-compose", "--file", ROOT / "docker-compose.yml", "config",
                environment={"LAYERGATE_DIR": str(directory)}, cwd=ROOT)
    return yaml.safe_load(shown.stdout)


def test_compose_gives_the_registry_no_network_and_no_port(compose: dict[str, Any]) -> None:
    registry = compose["services"]["registry"]
    assert registry["network_mode"] == "none"
    assert "ports" not in registry and "networks" not in registry


def test_compose_publishes_tls_to_all_and_the_ui_to_the_host_alone(compose: dict[str, Any]) -> None:
    published = {name: service.get("ports", []) for name, service in compose["services"].items()}
    assert published["nginx"] == [{"published": 443, "target": 443}]
    assert published["layergate"] == ["127.0.0.1:8080:8080/tcp"]


def test_compose_runs_layergate_with_no_right_to_spare(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert "cap_add" not in compose["services"]["layergate"]
    user = re.findall(r"^USER (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1]
    assert user == "10001:10001"
    # The registry's socket is made for that group.
    assert compose["services"]["registry"]["user"] == "0:10001"


def test_layergate_of_compose_trusts_nginx_alone(compose: dict[str, Any]) -> None:
    nginx = compose["services"]["nginx"]["networks"]["front"]["ipv4_address"]
    settings = yaml.safe_load((ROOT / "conf/compose/layergate/layergate.yml").read_text())
    assert settings["listen"][0]["trusted_proxies"] == [f"{nginx}/32"]


def test_configuration_of_compose_is_valid(tmp_path: Path) -> None:
    config = shutil.copytree(ROOT / "conf/compose/layergate", tmp_path / "config")
    (config / "htpasswd").touch()  # `user add`, the first step of the document, makes it
    run(program(), "check", "--config-dir", config)


def test_registry_of_compose_starts_on_its_socket(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    text = (ROOT / "conf/compose/registry.yml").read_text()
    assert text.count("/run/registry/") == 1 and text.count("/var/lib/registry") == 1
    config, socket = tmp_path / "registry.yml", tmp_path / "run/registry.sock"
    config.write_text(text.replace("/run/registry/", f"{tmp_path}/run/")
                      .replace("/var/lib/registry", f"{tmp_path}/images"))
    with Process(["docker-registry", "serve", config], tmp_path / "registry.log") as registry:
        registry.wait_until(socket.is_socket, 20, "socket")
        with Connection(socket) as connection:
            assert connection.request("GET", "/v2/").status == 200


def test_image_names_the_package_of_every_library_of_the_program() -> None:
    dynamic = run("objdump", "-p", program()).stdout.decode()
    needed = set(re.findall(r"^\s+NEEDED\s+(\S+)$", dynamic, re.MULTILINE))
    paths = {line.split()[0]: line.split()[2]
             for line in run("ldd", program()).stdout.decode().splitlines() if " => /" in line}
    # dpkg knows a library by its path in /usr/lib or, of old, in /lib.
    packages = set()
    for path in (paths[name] for name in needed if name in paths):
        owner = run("dpkg", "-S", os.path.realpath(path), check=False).stdout or \
            run("dpkg", "-S", os.path.realpath(path).removeprefix("/usr")).stdout
        packages.add(owner.decode().split(":")[0])
    listed = {line.split("#")[0].strip()
              for line in (ROOT / "scripts/packages/image.txt").read_text().splitlines()}
    # These come with any Debian, or with a sanitizer's build, which is never shipped.
    aside = {"libc6", "libgcc-s1", "libasan8", "libubsan1", "libtsan2"}
    assert packages - aside <= listed


# nginx, with the shipped file but for its ports and paths


@dataclass
class Front:
    port: int
    certificates: Path  # as skopeo's --cert-dir wants them
    gate: Gate

    def curl(self, *arguments: str) -> bytes:
        return run("curl", "--noproxy", "*", "--silent", "--show-error",
                   "--cacert", self.certificates / "ca.crt", *arguments).stdout

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"


def substituted(port: int, upstream: str, tls: Path) -> str:
    """nginx/layergate.conf with another port, server and certificate; the rest as it is."""
    text = (ROOT / "nginx/layergate.conf").read_text()
    for old, new in (("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
                     ("server layergate:5000;", f"server {upstream};"),
                     ("/etc/nginx/tls/server.crt", f"{tls}/ca.crt"),
                     ("/etc/nginx/tls/server.key", f"{tls}/server.key")):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def write_nginx(root: Path, port: int, upstream: str) -> list[str | Path]:
    """Writes a certificate and a whole configuration; returns the command that runs it."""
    tls = root / "tls"
    tls.mkdir()
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=registry.test",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout", root / "server.key", "-out", tls / "ca.crt")
    (root / "layergate.conf").write_text(
        substituted(port, upstream, tls).replace(f"{tls}/server.key", f"{root}/server.key"))
    # A worker that wanted to keep a body in a file would fail: these directories are root's.
    temporary = "".join(f"  {kind}_temp_path {root}/{kind};\n"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (root / "nginx.conf").write_text(
        f"pid {root}/nginx.pid;\nerror_log stderr info;\nworker_processes 1;\n"
        "events { worker_connections 256; }\n"
        f"http {{\n  access_log {root}/access.log;\n{temporary}"
        f"  include {root}/layergate.conf;\n}}\n")
    return ["/usr/sbin/nginx", "-e", "stderr", "-p", root, "-c", root / "nginx.conf",
            "-g", "daemon off;"]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, registry: Registry,
          make_module_gate: Any) -> Iterator[Front]:
    gate = make_module_gate(registry.url, POLICY, PASSWORDS,
                            listen={"trusted_proxies": ["127.0.0.1/32"]})
    root, port = tmp_path_factory.mktemp("nginx"), free_port()
    command = write_nginx(root, port, "%s:%d" % gate.address)
    run(*command, "-t")
    made = Front(port, root / "tls", gate)

    def answers() -> bool:
        try:
            with ssl.create_default_context(cafile=root / "tls/ca.crt").wrap_socket(
                    Connection(("127.0.0.1", port)).socket, server_hostname="127.0.0.1"):
                return True
        except OSError:
            return False

    with Process(command, root / "nginx.log") as nginx:
        nginx.wait_until(answers, 20, "TLS handshake")
        yield made


def test_push_and_pull_through_nginx_over_tls(front: Front, tmp_path: Path) -> None:
    # Larger than nginx's own limits on a body (1 MiB) and all its buffers.
    made = image({"weights.bin": os.urandom(24 << 20)}, {"config.json": b"{}"})
    layout = write_layout(made, tmp_path / "pushed")
    remote = f"docker://127.0.0.1:{front.port}/telechat:7b-fp16"
    account = f"ci:{PASSWORDS['ci']}"
    run("skopeo", "copy", "--dest-cert-dir", front.certificates, "--dest-creds", account,
        f"oci:{layout}:latest", remote)
    run("skopeo", "copy", "--src-cert-dir", front.certificates, "--src-creds", account,
        remote, f"oci:{tmp_path}/pulled:latest")
    for blob in (layout / "blobs/sha256").iterdir():
        pulled = tmp_path / "pulled/blobs/sha256" / blob.name
        assert pulled.read_bytes() == blob.read_bytes()


def test_no_password_is_asked_for_through_nginx(front: Front) -> None:
    answer = front.curl("--include", front.url("/v2/")).decode()
    assert answer.startswith("HTTP/1.1 401 ")
    assert 'Basic realm="Layergate"' in answer
    assert json.loads(answer.split("\r\n\r\n", 1)[1])["errors"][0]["code"] == "UNAUTHORIZED"


def test_location_of_an_upload_leads_back_through_nginx(front: Front) -> None:
    head = front.curl("--head", "--request", "POST", "--user", f"ci:{PASSWORDS['ci']}",
                      front.url("/v2/telechat/blobs/uploads/")).decode()
    location = re.search(r"^location: (\S+)\r$", head, re.IGNORECASE | re.MULTILINE)
    assert head.startswith("HTTP/1.1 202 ") and location, head
    assert location[1].startswith("/v2/telechat/blobs/uploads/")


def test_client_cannot_choose_its_address(front: Front) -> None:
    front.curl("--user", f"ci:{PASSWORDS['ci']}", "--header", "X-Forwarded-For: 192.0.2.77",
               front.url("/v2/whose/address/tags/list"))
    record = front.gate.wait_record(lambda record: record["repository"] == "whose/address")
    assert record["address"] == "127.0.0.1"


def test_administration_is_not_reached_through_nginx(front: Front) -> None:
    for path in ("/", "/metrics", "/readyz", "/api/v1/users"):
        status = front.curl("--output", "/dev/null", "--write-out", "%{http_code}", front.url(path))
        assert status == b"404", path
