"""Manifests by tag: GET, HEAD, and GET while layers stream through the same door."""

from __future__ import annotations

import json
import re
import shutil
import time

from peers.peer import Peer

from .case import GIB, Case, Sample, metered
from .clients import AUTHORIZATION, Curl, Failed, Wrk, ask, several, to_null
from .images import MANIFEST_PATH, MANIFEST_TYPE, Images

GETS = ["registry", "layergate", "layergate-asked", "nginx-cost10", "nginx-sendfile", "haproxy",
        "haproxy-static"]
HEADS = ["registry", "layergate", "layergate-asked", "nginx-sendfile", "haproxy",
         "haproxy-static"]
STREAMS = ["registry", "layergate", "layergate-storage", "nginx-256k", "haproxy"]
_ACCEPT = f"Accept: {MANIFEST_TYPE}"
_CONNECTIONS, _PARALLEL, _FEW = 32, 8, 4


def cases(images: Images, quick: bool) -> list[Case]:
    seconds = 1 if quick else 2
    return [Case("manifest", "manifest GET", "request", GETS,
                 lambda peer, _: _get(images, peer, seconds), seconds + 0.4, 0, _CONNECTIONS,
                 slow={"nginx-cost10": seconds + 2.0}),
            Case("manifest", "manifest HEAD", "request", HEADS,
                 lambda peer, _: _head(images, peer, seconds), seconds + 0.4, 0, _CONNECTIONS)]


def streaming_cases(images: Images, quick: bool) -> list[Case]:
    seconds = 2 if quick else 4
    return [Case("streaming", "manifest GET while 8 layers stream", "request", STREAMS,
                 lambda peer, _: _while_streaming(images, peer, seconds), seconds + 0.8, 0, _FEW)]


def _check(images: Images, peer: Peer) -> None:
    """One GET, whose bytes are compared."""
    words = ["-H", AUTHORIZATION] if peer.login else []
    body = ask("curl", "-sSf", "-H", _ACCEPT, *words, peer.url() + MANIFEST_PATH)
    if body != (images.field.root / "manifest").read_text():
        raise Failed(f"another manifest: {body[:200]}")


def _get(images: Images, peer: Peer, seconds: int) -> Sample:
    _check(images, peer)
    with metered(peer) as meter:
        wrk = Wrk(peer, MANIFEST_PATH, _CONNECTIONS, seconds, images.field.root, [_ACCEPT])
    return {**meter.per(wrk.requests, 1e3), "rate": wrk.requests / wrk.seconds,
            "p99_ms": wrk.p99_ms}


def _head(images: Images, peer: Peer, seconds: int) -> Sample:
    _check(images, peer)
    with metered(peer) as meter:
        text = ask(images.field.root / "heads", str(peer.port), str(_CONNECTIONS), str(seconds),
                   MANIFEST_PATH, _ACCEPT, *([AUTHORIZATION] if peer.login else []))
    told = json.loads(text)
    return {**meter.per(told["requests"], 1e3), "rate": told["requests"] / told["seconds"],
            "p99_ms": told["p99_ms"]}


def _while_streaming(images: Images, peer: Peer, seconds: int) -> Sample:
    size = max(images.layers)
    url = peer.url() + images.path(size)
    # More than passes in the time; they are killed afterwards.
    config = to_null(url, max(2, min(4096, 16 * GIB // size)))
    with several([Curl(config=config) for _ in range(_PARALLEL)]) as curls:
        time.sleep(0.5)  # until all of them are under way
        before, start = _received(peer), time.monotonic()
        with metered(peer) as meter:
            wrk = Wrk(peer, MANIFEST_PATH, _FEW, seconds, images.field.root, [_ACCEPT])
            after, wall = _received(peer), time.monotonic() - start
        if any(curl.process.poll() is not None for curl in curls):
            raise Failed("a stream ended before the manifests")
    return {"rate": wrk.requests / wrk.seconds, "p99_ms": wrk.p99_ms,
            "stream_rate": (after - before) / GIB / wall,
            "proxy_seconds": meter.proxy, "server_seconds": meter.proxy + meter.registry}


def _received(peer: Peer) -> int:
    """Bytes that the clients' connections to the door have got so far, as the kernel counts."""
    if not shutil.which("ss"):
        return 0
    text = ask("ss", "-Htin", "dport", "=", f":{peer.port}")
    return sum(int(count) for count in re.findall(r"bytes_received:(\d+)", text))
