"""Pulls of one layer: sizes, numbers of clients, in the clear and over TLS."""

from __future__ import annotations

import hashlib
import subprocess
import time

from peers.peer import Peer

from .case import GIB, MIB, Case, Sample, clients_name, metered, size_name
from .clients import CIPHER, Curl, Failed, Wrk, several, to_null
from .images import Images

PEERS = ["registry", "splice-loop", "layergate", "layergate-unix", "layergate-storage",
         "layergate-storage-off", "nginx-streaming", "nginx-256k", "nginx-sendfile", "haproxy",
         "caddy"]
# With 4 GiB and more in one measurement only those that the goals name.
FAST = ["registry", "splice-loop", "layergate", "layergate-storage", "nginx-256k",
        "nginx-sendfile", "haproxy"]
TLS_PEERS = ["layergate", "layergate-storage", "nginx-streaming", "nginx-256k", "nginx-sendfile",
             "haproxy", "caddy"]
LARGE = 8 * MIB       # from here on curl fetches; below, wrk
# In one measurement, in the clear and over TLS; more clients or larger layers are left out.
_MOST, _MOST_TLS = 8 * GIB, GIB
_PROCESSES = 8        # of curl; each has the more transfers at once the more clients there are


def times(size: int, clients: int, quick: bool) -> int:
    """How often each client fetches the layer, over one connection: enough bytes to be measured."""
    volume = {1: GIB, 8: 2 * GIB}.get(clients, 4 * GIB) // (4 if quick else 1)
    return max(1, min(64, volume // (size * clients)))


def cases(images: Images, sizes: list[int], clients: list[int], quick: bool,
          tls: bool) -> list[Case]:
    found = []
    for size in sizes:
        for number in clients:
            if size * number <= (_MOST_TLS if tls else _MOST) and not (tls and number > 8):
                found.append(_case(images, size, number, quick, tls))
    return found


def _case(images: Images, size: int, clients: int, quick: bool, tls: bool) -> Case:
    name = f"{'pull over TLS' if tls else 'pull'}, {size_name(size)}, {clients_name(clients)}"
    task, peers = ("tls", TLS_PEERS) if tls else ("pull", PEERS)
    if size < LARGE:
        # What is under way at the end costs CPU and is not counted: with many, that has to be little.
        seconds = 2 if clients > 8 else 1
        return Case(task, name, "request", peers, lambda peer, _: _small(
            images, peer, size, clients, seconds, tls), seconds + 0.25, size, clients)
    repeats = times(size, clients, quick)
    gib = size * clients * repeats / GIB
    if not tls and gib >= 4:
        peers = FAST
    return Case(task, name, "GiB", peers, lambda peer, _: _large(
        images, peer, size, clients, repeats, tls), 0.2 + gib * (1.3 if tls else 0.85), size,
        clients, slow={"nginx-streaming": 0.2 + 3.3 * gib, "caddy": 0.2 + 2 * gib})


def _small(images: Images, peer: Peer, size: int, clients: int, seconds: int,
           tls: bool) -> Sample:
    with metered(peer) as meter:
        wrk = Wrk(peer, images.path(size), clients, seconds, images.field.root, tls=tls)
    if wrk.bytes < 0.98 * wrk.requests * size:  # wrk rounds what it prints
        raise Failed(f"{wrk.bytes:.0f} bytes in {wrk.requests} answers of {size} each")
    return {**meter.per(wrk.requests, 1e3), "rate": wrk.requests / wrk.seconds,
            "p99_ms": wrk.p99_ms}


def _large(images: Images, peer: Peer, size: int, clients: int, repeats: int,
           tls: bool) -> Sample:
    url = peer.url(tls) + images.path(size)
    ca = images.field.root / "server.crt" if tls else None
    processes = min(_PROCESSES, clients)
    at_once = clients // processes
    parallel = ["-Z", "--parallel-immediate", "--parallel-max", str(at_once)] if at_once > 1 else []
    start = time.monotonic()
    with metered(peer) as meter:
        with several([Curl(*parallel, config=to_null(url, repeats * at_once), ca=ca)
                      for _ in range(processes)]) as running:
            received = [line[0] for curl in running for line in curl.lines(200)]
        wall = time.monotonic() - start
    if received != [size] * (repeats * clients):
        raise Failed(f"{len(received)} transfers of {sorted(set(received))} bytes, not {size}")
    gib = size * clients * repeats / GIB
    return {**meter.per(gib), "wall": wall, "rate": gib / wall}


def verify(images: Images, peer: Peer, size: int, tls: bool = False) -> None:
    """One pull, not timed, whose every byte is hashed. It also warms caches up."""
    ca = images.field.root / "server.crt" if tls else None
    with several([Curl(peer.url(tls) + images.path(size), ca=ca)]) as [curl]:
        assert curl.process.stdout
        sha256, length = hashlib.sha256(), 0
        while piece := curl.process.stdout.read(MIB):
            sha256.update(piece)
            length += len(piece)
        curl.lines(200)
    if length != size or "sha256:" + sha256.hexdigest() != images.layers[size]:
        raise Failed(f"the layer of {size} bytes came back as {length} other bytes")


def wait_for_files(images: Images, peer: Peer) -> None:
    """Until a Layergate with `storage` has compared all layers and sends them from their files."""
    deadline = time.monotonic() + 60
    for size in images.layers:
        while True:
            before = peer.served_from_files()
            verify(images, peer, size)
            if peer.served_from_files() > before:
                break
            if time.monotonic() > deadline:
                raise Failed(f"a layer of {size} bytes is not served from its file")
            time.sleep(0.1)


def check_cipher(peer: Peer) -> None:
    """That a client which would take others gets the cipher that all are compared with."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{peer.tls_port}",
                           "-tls1_3", "-ciphersuites", CIPHER], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20)
    if f"Cipher is {CIPHER}" not in done.stdout:
        raise Failed(f"not {CIPHER}: {done.stdout[-300:]}{done.stderr[-300:]}")
