"""An image of four layers, pulled by real clients: docker, and skopeo into a directory."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from peers.peer import PASSWORD, USER, Peer

from .case import GIB, Case, Sample, metered, size_name
from .clients import CREDENTIAL, Failed, ask
from .images import FOUR_LAYERS, Images

# How the flow tests run an engine that leaves nothing behind.
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests/flow"))
if TYPE_CHECKING:
    from harness.engine import DockerEngine

PEERS = ["registry", "layergate", "layergate-storage", "nginx-256k", "haproxy"]


@contextmanager
def engine(root: Path, notes: list[str]) -> Iterator["DockerEngine | None"]:
    """A dockerd of our own in this network, without a bridge and without touching iptables."""
    if os.geteuid() != 0 or not shutil.which("dockerd", path=os.environ["PATH"] + ":/usr/sbin"):
        notes.append("docker pull: skipped, it needs root and docker.io")
        yield None
        return
    from harness.engine import DockerEngine, OwnNetwork

    try:
        started = DockerEngine(root / "engine", OwnNetwork(), options=[
            "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false",
            "--ip-forward=false"])
    except AssertionError as reason:
        notes.append("docker pull: skipped, no engine can run here: "
                     + str(reason).strip().splitlines()[-1])
        yield None
        return
    with started:
        yield started


def cases(images: Images, docker: "DockerEngine | None", skopeo: bool) -> list[Case]:
    what = f"of 4 layers of {size_name(images.layer)}"
    gib = 4 * images.layer / GIB
    found = []
    if docker:
        running = docker
        found.append(Case("docker", f"docker pull {what}", "pull", PEERS,
                          lambda peer, _: _docker(images, running, peer), 1.0 + 12 * gib, 0, 1))
    if skopeo:
        found.append(Case("skopeo", f"skopeo copy {what}", "pull", PEERS,
                          lambda peer, _: _skopeo(images, peer), 0.3 + 4 * gib, 0, 1))
    return found


def _docker(images: Images, docker: "DockerEngine", peer: Peer) -> Sample:
    host = f"127.0.0.1:{peer.port}"
    if peer.login:
        docker.docker("login", "--username", USER, "--password-stdin", host,
                      stdin=PASSWORD.encode())
    start = time.monotonic()
    with metered(peer) as meter:
        docker.docker("pull", "--quiet", f"{host}/{FOUR_LAYERS}")
        wall = time.monotonic() - start
    image = docker.docker("image", "inspect", "--format", "{{.Id}}",
                          f"{host}/{FOUR_LAYERS}").stdout.decode().strip()
    if image != images.config:
        raise Failed(f"docker has another image: {image}")
    docker.docker("image", "rm", f"{host}/{FOUR_LAYERS}")
    return {**meter.per(4 * images.layer / GIB), "wall": wall, "rate": 1 / wall}


def _skopeo(images: Images, peer: Peer) -> Sample:
    target = images.field.root / "copied"
    start = time.monotonic()
    with metered(peer) as meter:
        ask("skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false",
            *(["--src-creds", CREDENTIAL] if peer.login else []),
            f"docker://127.0.0.1:{peer.port}/{FOUR_LAYERS}", f"dir:{target}")
        wall = time.monotonic() - start
    if (target / "manifest.json").read_bytes() != \
            (images.field.root / "manifest-four").read_bytes():
        raise Failed("skopeo has another manifest")
    shutil.rmtree(target)
    return {**meter.per(4 * images.layer / GIB), "wall": wall, "rate": 1 / wall}
