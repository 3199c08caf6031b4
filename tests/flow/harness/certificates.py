"""Certificate authorities and certificates for tests, by the openssl program."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .process import run

_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_LOCAL = ("DNS:localhost", "IP:127.0.0.1")


@dataclass(frozen=True)
class Pair:
    certificate: Path
    key: Path

    @property
    def der(self) -> bytes:
        """As a client gets it."""
        first = self.certificate.read_text().split("-----END CERTIFICATE-----")[0]
        return ssl.PEM_cert_to_DER_cert(first + "-----END CERTIFICATE-----\n")

    @property
    def keys(self) -> dict[str, str]:
        """For layergate.yml, and for a docker-registry's http.tls."""
        return {"certificate": str(self.certificate), "key": str(self.key)}


class Authority:
    """Signs certificates, and trusts nobody else. Its directory is one that skopeo takes."""

    def __init__(self, root: Path, name: str = "authority.test") -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root, self.file = root, root / "ca.crt"
        self._key = root / "ca.pem"
        self._count = 0
        run("openssl", "req", "-x509", *_EC, "-days", "2", "-subj", f"/CN={name}",
            "-addext", "keyUsage=critical,keyCertSign", "-keyout", self._key, "-out", self.file)

    def issue(self, *names: str, key: Sequence[str] = _EC) -> Pair:
        """A new pair for the names, as `DNS:a` and `IP:b`; of this machine if there are none."""
        self._count += 1
        made = Pair(self.root / f"{self._count}.chain", self.root / f"{self._count}.pem")
        run("openssl", "req", "-x509", *key, "-days", "2", "-subj", f"/CN=number {self._count}",
            "-CA", self.file, "-CAkey", self._key,
            "-addext", "subjectAltName=" + ",".join(names or _LOCAL),
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "extendedKeyUsage=serverAuth",
            "-keyout", made.key, "-out", made.certificate)
        made.key.chmod(0o600)
        return made

    def client(self) -> ssl.SSLContext:
        """A client's context that trusts this authority."""
        return ssl.create_default_context(cafile=self.file)


def server(pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context
