"""OCI distribution 1.1: what the bare registry answers rightly, the registry behind Layergate
answers rightly too, for a user with all rights; and what it lacks, Layergate adds where it can.

The cases stand in conformance/, one file a chapter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("conformance")

from conformance import CASES, Case, Side  # noqa: E402
from conformance.referrers import BAGEL, EMPTY, SUBJECT, entry, listed, referrer  # noqa: E402
from conftest import GateMaker  # noqa: E402
from harness.client import Client  # noqa: E402
from harness.gate import Gate  # noqa: E402
from harness.images import INDEX, MANIFEST, descriptor, encode  # noqa: E402
from harness.rawhttp import digest_of  # noqa: E402
from harness.registry import Registry  # noqa: E402

POLICY = """\
version: 1
users:
  owner: {permissions: [view, pull, push, delete]}
  root:  {permissions: [admin]}
rules:
  - {who: [owner], images: ["**"], allow: [view, pull, push, delete]}
"""
PASSWORDS = {name: f"{name} Passw0rd!" for name in ("owner", "root")}

# What registry 2.8.2 lacks and Layergate adds.
ADDED = {
    "413 for large manifests",
    "OCI-Subject",
    "blobs that are no manifests",
    "delete by tag",
    "layers with urls",
    "malformed digests",
    "manifests without Accept",
    "order of chunks",
    "order of tags",
    "ranges outside a blob",
    "referrers API",
    "tag paging",
}
# What neither has: registry 2.8 wants its own state of an upload in the Location, and of the newest step.
# Uploads that Layergate receives itself have none.
OPEN = {
    "Locations of earlier steps",
}
IS_OPEN = os.environ.get("LAYERGATE_STORAGE") != "write"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Not the one behind the gate: that has nobody else who writes to it."""
    with Registry(tmp_path_factory.mktemp("bare")) as started:
        yield started


@pytest.fixture(scope="module")
def gate(make_module_gate: GateMaker, registry: Registry) -> Gate:
    return make_module_gate(registry.url, POLICY, PASSWORDS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_bare_registry(bare: Registry, case: Case) -> None:
    """It fails each case that it is said to lack something for, so that this stays true."""
    with Client(bare.connect) as client:
        side = Side(client, f"bare/{case}")
        if case.lacks is None:
            case.run(side)
        else:
            with pytest.raises(AssertionError):
                case.run(side)


def _through_the_gate() -> Iterator[object]:
    for account in PASSWORDS:
        for case in CASES:
            if case.admin and account != "root":
                continue
            lacking = pytest.mark.xfail(reason=f"{case.lacks}: Layergate neither", strict=True)
            marks = [lacking] if case.lacks in OPEN and IS_OPEN else []
            yield pytest.param(account, case, id=f"{account}-{case}", marks=marks)


@pytest.mark.parametrize("account, case", _through_the_gate())
def test_through_the_gate(gate: Gate, account: str, case: Case) -> None:
    with Client(gate.connect, gate.credential(account)) as client:
        case.run(Side(client, f"{account}/{case}"))


def test_what_is_lacking_is_listed() -> None:
    assert {case.lacks for case in CASES if case.lacks} == ADDED | OPEN
    assert not ADDED & OPEN
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("account", PASSWORDS)
def test_referrers_from_before_the_gate(make_gate: GateMaker, registry: Registry,
                                        account: str) -> None:
    """"Enabling the Referrers API": what stands in an index of the referrers tag schema and has
    that subject MUST be listed, though the gate never saw it pushed."""
    name = f"before/{account}/here"
    data = referrer(BAGEL, "old", descriptor(MANIFEST, SUBJECT.manifest))
    wanted = [entry(data, BAGEL, "old")]
    with Client(registry.connect) as around:
        around.push(name, "latest", SUBJECT)
        around.push_blob(name, EMPTY)
        kept = encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": wanted})
        for reference, body, media_type in (
            (digest_of(data), data, MANIFEST),
            (SUBJECT.digest.replace(":", "-"), kept, INDEX),
        ):
            assert around.put_manifest(name, reference, body, media_type).status == 201
    gate = make_gate(registry.url, POLICY, PASSWORDS)
    with Client(gate.connect, gate.credential(account)) as client:
        assert listed(Side(client, f"before/{account}"), SUBJECT.digest) == wanted
