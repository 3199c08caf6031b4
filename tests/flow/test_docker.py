"""The clients that people have, through the gate, to a real registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.client import Client
from harness.images import image, write_layout
from harness.site import ANY_MANIFEST, Site, open_site, write_build_context

POLICY = """\
version: 1
users:
  builder: {permissions: [view, pull, push, delete]}
  reader:  {permissions: [view, pull]}
rules:
  - {who: [builder], images: ["**"], allow: [view, pull, push, delete]}
  - {who: [reader], images: [telechat, tools/copy], allow: [view, pull]}
"""
PASSWORDS = {"builder": "Build3r: of \"images\"", "reader": "Re@der of images"}

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site"), POLICY, PASSWORDS) as opened:
        yield opened


@pytest.fixture(scope="module")
def context(site: Site) -> Path:
    return write_build_context(site.root / "context")


def test_docker_login_build_push_rmi_pull_run(site: Site, context: Path) -> None:
    docker, name = site.engine.docker, f"{site.host}/telechat:7b-int4"
    assert site.log_in("builder") == 0
    docker("build", "--tag", name, context)
    pushed = docker("push", name).stdout.decode()
    docker("rmi", name)
    pulled = docker("pull", name).stdout.decode()
    digest = site.digest_in_registry("telechat", "7b-int4")
    assert digest in pushed and digest in pulled
    assert f"telechat@{digest}" in docker("inspect", name).stdout.decode()
    assert docker("run", "--rm", "--network", "none", name).stdout == b"telechat speaks\n"
    record = site.gate.wait_record(lambda r: r["action"] == "push" and r["reference"] == "7b-int4")
    assert (record["user"], record["decision"], record["digest"]) == ("builder", "allowed", digest)
    assert "docker" in record["user_agent"]


def test_docker_pushes_again_what_is_there(site: Site, context: Path) -> None:
    """The second tag mounts or finds every layer."""
    docker = site.engine.docker
    assert site.log_in("builder") == 0
    for name in (f"{site.host}/telechat:7b-int8", f"{site.host}/models/telechat:7b-int8"):
        docker("build", "--tag", name, context)
        docker("push", name)
    assert (site.digest_in_registry("telechat", "7b-int8")
            == site.digest_in_registry("models/telechat", "7b-int8"))


def test_docker_pulls_by_digest(site: Site, context: Path) -> None:
    docker = site.engine.docker
    assert site.log_in("builder") == 0
    name = f"{site.host}/telechat:by-digest"
    docker("build", "--tag", name, context)
    docker("push", name)
    docker("rmi", name)
    docker("pull", f"{site.host}/telechat@{site.digest_in_registry('telechat', 'by-digest')}")


def test_docker_is_refused_with_a_reason(site: Site, context: Path) -> None:
    docker, name = site.engine.docker, f"{site.host}/telechat:refused"
    assert site.log_in("reader", "not the password") != 0
    assert site.log_in("reader") == 0
    docker("build", "--tag", name, context)
    refused = docker("push", name, check=False)
    assert refused.returncode != 0
    assert b"may not push telechat" in refused.stderr
    hidden = docker("pull", f"{site.host}/secret:latest", check=False)
    assert hidden.returncode != 0
    docker("logout", site.host)
    anonymous = docker("pull", f"{site.host}/telechat:7b-int4", check=False)
    assert anonymous.returncode != 0


def test_skopeo_copies_inspects_lists_and_deletes(site: Site, tmp_path: Path) -> None:
    made = image({"a": b"skopeo " * 1000}, {"b": b"second"})
    layout = write_layout(made, tmp_path / "layout", "v1")
    name, tls = f"docker://{site.host}/tools/copy", "tls-verify=false"
    credential = f"builder:{PASSWORDS['builder']}"
    site.run("skopeo", "copy", f"--dest-{tls}", "--dest-creds", credential, f"oci:{layout}:v1", f"{name}:v1")
    assert site.digest_in_registry("tools/copy", "v1") == made.digest

    reader = f"reader:{PASSWORDS['reader']}"
    seen = json.loads(site.run("skopeo", "inspect", f"--{tls}", "--creds", reader, f"{name}:v1"))
    assert seen["Digest"] == made.digest and seen["RepoTags"] == ["v1"]
    site.run("skopeo", "copy", f"--src-{tls}", "--src-creds", reader, f"{name}:v1",
             f"dir:{tmp_path / 'out'}")
    assert (tmp_path / "out" / "manifest.json").read_bytes() == made.manifest

    # From one repository to another: layers are mounted where they may be read.
    site.run("skopeo", "copy", f"--src-{tls}", f"--dest-{tls}", "--src-creds", credential,
             "--dest-creds", credential, f"{name}:v1", f"docker://{site.host}/tools/second:v1")
    assert site.digest_in_registry("tools/second", "v1") == made.digest

    refused = site.run("skopeo", "delete", f"--{tls}", "--creds", reader, f"{name}:v1", check=False)
    assert "may not delete" in refused or "denied" in refused.lower()
    assert site.digest_in_registry("tools/copy", "v1") == made.digest
    site.run("skopeo", "delete", f"--{tls}", "--creds", credential, f"{name}:v1")
    with Client(site.registry.connect) as client:
        client.expect(404, "HEAD", "/v2/tools/copy/manifests/v1", ANY_MANIFEST)


def test_buildah_and_podman(site: Site, context: Path, runroot: Path) -> None:
    # vfs and chroot: what works inside another container, without overlay or a user namespace.
    store = ["--root", site.root / "store", "--runroot", runroot, "--storage-driver", "vfs"]
    tls, name, copy = "--tls-verify=false", f"{site.host}/telechat:buildah", f"{site.host}/telechat:podman"
    login = ["login", tls, "--username", "builder", "--password-stdin", site.host]
    site.run("buildah", *login, stdin=PASSWORDS["builder"].encode())
    site.run("buildah", *store, "bud", "--isolation", "chroot", "--tag", name, context)
    site.run("buildah", *store, "push", tls, name)
    first = site.run("podman", *store, "image", "inspect", "--format", "{{.Id}}", name)
    site.run("podman", *login, stdin=PASSWORDS["builder"].encode())
    site.run("podman", *store, "rmi", name)
    site.run("podman", *store, "pull", tls, name)
    assert site.run("podman", *store, "image", "inspect", "--format", "{{.Id}}", name) == first
    seen = site.run("podman", *store, "image", "inspect", "--format", "{{.Digest}}", name).strip()
    assert seen == site.digest_in_registry("telechat", "buildah")
    site.run("podman", *store, "push", tls, name, copy)
    site.run("buildah", *store, "pull", tls, copy)
    agents = {record["user_agent"].split("/")[0] for record in site.gate.records()}
    assert {"Buildah", "libpod"} & agents or len(agents) > 1
