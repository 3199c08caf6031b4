"""TLS handshakes: full ones, and ones that resume a session."""

from __future__ import annotations

import json

from peers.peer import Peer

from .case import Case, Sample, metered
from .clients import CIPHER, Failed, ask
from .images import Images

PEERS = ["layergate", "nginx-256k", "haproxy", "caddy"]
_THREADS = 2


def cases(images: Images, quick: bool) -> list[Case]:
    seconds = 1 if quick else 2

    def shake(kind: str, peer: Peer) -> Sample:
        with metered(peer) as meter:
            told = json.loads(ask(images.field.root / "handshakes", str(peer.tls_port),
                                  str(_THREADS), str(seconds), kind))
        count = told["handshakes"]
        if told["cipher"] != CIPHER:
            raise Failed(f"another cipher: {told['cipher']}")
        if told["resumed"] != (count if kind == "resumed" else 0):
            raise Failed(f"{told['resumed']} of {count} handshakes were resumed")
        return {**meter.per(count, 1e3), "rate": count / told["seconds"],
                "tickets": told["tickets"] / count}

    return [Case("handshakes", "full TLS handshakes", "handshake", PEERS,
                 lambda peer, _: shake("full", peer), seconds + 0.2, 0, _THREADS),
            Case("handshakes", "resumed TLS handshakes", "handshake", PEERS,
                 lambda peer, _: shake("resumed", peer), seconds + 0.2, 0, _THREADS)]
