"""The clients that people have, each with just the rights that its work needs.

test_docker.py shows that they work at all, with rights on whole names; here rights end at a tag, so
what they ask by digest is answered by what the tag reaches.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import artifacts
from harness.client import Client, error_code
from harness.gate import Gate
from harness.images import INDEX, MANIFEST, Image, descriptor, encode, image, index, write_layout
from harness.rawhttp import digest_of
from harness.registry import Registry
from test_docker import ANY_MANIFEST, Site, open_site

POLICY = """\
version: 1
users:
  owner:   {permissions: [view, pull, push, delete]}
  pusher:  {permissions: [pull, push]}
  courier: {permissions: [push]}
  porter:  {permissions: [push]}
  reader:  {permissions: [view, pull]}
  signer:  {permissions: [pull, push]}
  insider: {permissions: [view, pull, push]}
rules:
  - {who: [owner],   images: ["**"], allow: [view, pull, push, delete]}
  - who: [pusher]
    images: ["models:7b-docker", "models:7b-list*", "models:7b-skopeo", "models:7b-multi",
             "models:7b-buildah", "models:7b-podman", "models:7b-chart", "tools/derived:7b-*"]
    allow: [pull, push]
  - {who: [courier], images: ["models:7b-carried*"], allow: [push]}
  - {who: [porter],  images: ["inbox:7b"], allow: [push]}
  - {who: [reader],  images: ["models:7b-*"], allow: [view, pull]}
  - {who: [signer],  images: ["models:7b-signed"], allow: [pull, push]}
  - {who: [insider], images: ["models:13b-inside"], allow: [view, pull, push]}
"""
PASSWORDS = {name: f"{name} Passw0rd!" for name in (
    "owner", "pusher", "courier", "porter", "reader", "signer", "insider")}
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
TLS = "--tls-verify=false"
SBOM, SIGNATURE = "application/vnd.example.sbom.v1", "application/vnd.example.signature.v1"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site"), POLICY, PASSWORDS) as opened:
        yield opened


@pytest.fixture(scope="module")
def secret(site: Site) -> Image:
    """models:13b-secret, which only the owner may pull: in the name that all others work in, and
    with a layer of its own."""
    made = image({"secret": b"nobody else's weights " * 500})
    with account(site, "owner") as owner:
        owner.push("models", "13b-secret", made)
    return made


def account(site: Site, user: str) -> Client:
    return Client(site.gate.connect, site.gate.credential(user))


def in_registry(site: Site, name: str, reference: str) -> bytes:
    """A manifest as the registry has it, asked around the gate."""
    with Client(site.registry.connect) as around:
        fields = [*ANY_MANIFEST, ("Accept", INDEX), ("Accept", DOCKER_LIST)]
        return around.expect(200, "GET", f"/v2/{name}/manifests/{reference}", fields).body


def context(site: Site, name: str) -> Path:
    """A build context without a network: each has the same first layer and a last of its own."""
    directory = site.root / f"context-{name}"
    if not directory.exists():
        directory.mkdir()
        shutil.copy2("/bin/busybox", directory / "busybox")  # with its time: a layer holds that
        (directory / "weights").write_bytes(name.encode() * 50_000)
        (directory / "Dockerfile").write_text(
            "FROM scratch\nCOPY busybox /busybox\nCOPY weights /weights\n"
            f'CMD ["/busybox", "echo", "{name} speaks"]\n')
    return directory


class Docker:
    """The engine's client, logged in as one account, with no image left from before."""

    def __init__(self, site: Site, user: str) -> None:
        self.site = site
        self.run = site.engine.docker
        self.run("image", "prune", "--all", "--force")
        self.log_in(user)

    def log_in(self, user: str) -> None:
        self.run("login", "--username", user, "--password-stdin", self.site.host,
                 stdin=PASSWORDS[user].encode())

    def name(self, image_name: str) -> str:
        return f"{self.site.host}/{image_name}"

    def build(self, image_name: str, what: str) -> str:
        name = self.name(image_name)
        self.run("build", "--tag", name, context(self.site, what))
        return name

    def is_refused(self, *arguments: str) -> str:
        """Runs a command that fails; returns what it says."""
        result = self.run(*arguments, check=False)
        assert result.returncode != 0, result.stdout
        return result.stderr.decode()


@pytest.mark.docker
class TestDocker:
    def test_push_and_pull(self, site: Site, secret: Image) -> None:
        pusher = Docker(site, "pusher")
        name = pusher.build("models:7b-docker", "docker")
        digest = digest_of_push(pusher.run("push", name).stdout.decode())
        assert digest == site.digest_in_registry("models", "7b-docker")

        reader = Docker(site, "reader")
        for pullable in (name, f"{site.host}/models@{digest}"):
            reader.run("image", "prune", "--all", "--force")
            assert digest in reader.run("pull", pullable).stdout.decode()
            said = reader.run("run", "--rm", "--network", "none", pullable).stdout
            assert said == b"docker speaks\n"
        reader.run("tag", f"{site.host}/models@{digest}", name)
        assert "denied" in reader.is_refused("push", name)
        pusher.log_in("pusher")
        pusher.run("tag", name, pusher.name("models:13b-secret"))
        assert "denied" in pusher.is_refused("push", pusher.name("models:13b-secret"))
        assert site.digest_in_registry("models", "13b-secret") == secret.digest

    @pytest.mark.parametrize("user", ["reader", "pusher", "courier"])
    def test_what_is_forbidden_is_not_pulled(self, site: Site, secret: Image, user: str) -> None:
        """By tag, by digest, and its layer as if that were a manifest."""
        docker = Docker(site, user)
        for end in (":13b-secret", f"@{secret.digest}", f"@{digest_of(secret.layers[0])}"):
            said = docker.is_refused("pull", docker.name(f"models{end}"))
            assert "denied" in said or "unknown" in said
        assert docker.run("images", "--quiet").stdout == b""

    def test_a_push_only_account(self, site: Site) -> None:
        docker = Docker(site, "courier")
        name = docker.build("models:7b-carried", "carried")
        digest = digest_of_push(docker.run("push", name).stdout.decode())
        # Again: all is there, and it may know so.
        assert digest_of_push(docker.run("push", name).stdout.decode()) == digest
        assert site.digest_in_registry("models", "7b-carried") == digest
        docker.run("image", "prune", "--all", "--force")
        docker.is_refused("pull", name)
        Docker(site, "reader").run("pull", name)

    def test_a_layer_is_mounted_from_another_repository(self, site: Site) -> None:
        """The first layer of both images; the last is new, and sent."""
        docker = Docker(site, "pusher")
        docker.run("push", docker.build("models:7b-docker", "original"))
        name = docker.build("tools/derived:7b-docker", "derived")
        said = docker.run("push", name).stdout.decode()
        assert said.count("Mounted from models") == 1 and said.count(": Pushed") == 1
        made, before = (json.loads(in_registry(site, repository, "7b-docker"))
                        for repository in ("tools/derived", "models"))
        assert made["layers"][0] == before["layers"][0]
        assert made["layers"][1] != before["layers"][1]

    def test_a_layer_that_may_not_be_read_is_sent_instead(self, site: Site) -> None:
        """The engine knows where it saw the layers, and asks for a mount from there."""
        docker = Docker(site, "pusher")
        docker.run("push", docker.build("models:7b-docker", "sent"))
        docker.log_in("porter")
        name = docker.build("inbox:7b", "sent")
        said = docker.run("push", name).stdout.decode()
        assert "Mounted from" not in said and said.count(": Pushed") == 2
        assert (site.digest_in_registry("inbox", "7b")
                == site.digest_in_registry("models", "7b-docker"))

    def test_a_manifest_list(self, site: Site) -> None:
        """`docker manifest`: of images that are there under tags of their own."""
        docker = Docker(site, "pusher")
        parts = [docker.build(f"models:7b-list-{what}", f"list-{what}") for what in ("a", "b")]
        for part in parts:
            docker.run("push", part)
        name = docker.name("models:7b-list")
        docker.run("manifest", "create", "--insecure", name, *parts)
        docker.run("manifest", "annotate", "--arch", "arm64", name, parts[1])
        docker.run("manifest", "push", "--insecure", "--purge", name)
        found = json.loads(in_registry(site, "models", "7b-list"))
        assert [each["digest"] for each in found["manifests"]] == [
            site.digest_in_registry("models", f"7b-list-{what}") for what in ("a", "b")]
        reader = Docker(site, "reader")
        reader.run("pull", name)
        said = reader.run("run", "--rm", "--network", "none", name).stdout
        assert said == b"list-a speaks\n"


def digest_of_push(said: str) -> str:
    """From `7b: digest: sha256:… size: 739`."""
    return said.split("digest: ")[1].split()[0]


def write_index_layout(directory: Path, tag: str, *images: Image) -> bytes:
    """An OCI image layout with an index of the images; returns the index."""
    for made in images:
        write_layout(made, directory / "single")
        shutil.copytree(directory / "single", directory, dirs_exist_ok=True)
        shutil.rmtree(directory / "single")
    data = index(*images)
    (directory / "blobs/sha256" / digest_of(data).removeprefix("sha256:")).write_bytes(data)
    entry = {**descriptor(INDEX, data), "annotations": {"org.opencontainers.image.ref.name": tag}}
    (directory / "index.json").write_bytes(encode({"schemaVersion": 2, "manifests": [entry]}))
    return data


class Skopeo:
    """skopeo as one account, which needs no engine."""

    def __init__(self, site: Site, user: str) -> None:
        self.site, self.credential = site, f"{user}:{PASSWORDS[user]}"

    def image(self, name: str) -> str:
        return f"docker://{self.site.host}/{name}"

    def push(self, source: str, name: str, *options: str, check: bool = True) -> str:
        return self.site.run("skopeo", "copy", f"--dest-{TLS[2:]}", "--dest-creds",
                             self.credential, *options, source, self.image(name), check=check)

    def pull(self, name: str, target: str, *options: str) -> str:
        return self.site.run("skopeo", "copy", f"--src-{TLS[2:]}", "--src-creds",
                             self.credential, *options, self.image(name), target)

    def copy(self, source: str, name: str, *options: str) -> str:
        """From the registry to the registry."""
        return self.push(self.image(source), name, f"--src-{TLS[2:]}", "--src-creds",
                         self.credential, *options)

    def ask(self, verb: str, name: str, *options: str, check: bool = True) -> str:
        return self.site.run("skopeo", verb, TLS, "--creds", self.credential, *options,
                             self.image(name), check=check)

    def is_refused(self, verb: str, name: str, *options: str) -> str:
        """A skopeo that asks for what it may not have fails with the registry's words."""
        said = self.ask(verb, name, *options, check=False)
        assert "level=fatal" in said, said
        return said


@pytest.mark.docker
class TestSkopeo:
    def test_push_and_pull(self, site: Site, tmp_path: Path) -> None:
        made = image({"a": b"skopeo " * 1000}, {"b": b"second"})
        layout = write_layout(made, tmp_path / "layout", "v1")
        Skopeo(site, "pusher").push(f"oci:{layout}:v1", "models:7b-skopeo")
        assert site.digest_in_registry("models", "7b-skopeo") == made.digest
        reader = Skopeo(site, "reader")
        for number, end in enumerate((":7b-skopeo", f"@{made.digest}")):
            target = tmp_path / f"pulled{number}"
            reader.pull(f"models{end}", f"dir:{target}")
            assert (target / "manifest.json").read_bytes() == made.manifest
            for data in made.blobs:
                assert (target / digest_of(data).removeprefix("sha256:")).read_bytes() == data

    def test_a_reader_sees_what_it_may_view(self, site: Site, secret: Image) -> None:
        with account(site, "owner") as owner:
            owner.push("models", "7b-seen", image({"a": b"to be seen"}))
        reader = Skopeo(site, "reader")
        tags = json.loads(reader.ask("list-tags", "models"))["Tags"]
        assert "7b-seen" in tags and all(tag.startswith("7b-") for tag in tags)
        assert json.loads(reader.ask("inspect", "models:7b-seen"))["RepoTags"] == tags
        config = json.loads(reader.ask("inspect", "models:7b-seen", "--config"))
        assert config["architecture"] == "amd64"
        assert "denied" in reader.is_refused("delete", "models:7b-seen").lower()

    def test_a_push_only_account(self, site: Site, tmp_path: Path) -> None:
        made = image({"a": b"carried " * 1000})
        layout = write_layout(made, tmp_path / "layout", "v1")
        courier = Skopeo(site, "courier")
        for _ in range(2):
            courier.push(f"oci:{layout}:v1", "models:7b-carried-by-skopeo")
        assert site.digest_in_registry("models", "7b-carried-by-skopeo") == made.digest
        courier.is_refused("inspect", "models:7b-carried-by-skopeo", "--raw")

    @pytest.mark.parametrize("user", ["reader", "pusher", "courier"])
    def test_what_is_forbidden_is_not_pulled(self, site: Site, secret: Image, user: str) -> None:
        skopeo = Skopeo(site, user)
        for end in (":13b-secret", f"@{secret.digest}", f"@{digest_of(secret.layers[0])}"):
            said = skopeo.is_refused("inspect", f"models{end}", "--raw")
            assert "denied" in said or "unknown" in said
        with account(site, user) as client:
            for data in secret.blobs:
                response = client.expect(404, "GET", f"/v2/models/blobs/{digest_of(data)}")
                assert error_code(response) == "BLOB_UNKNOWN"

    def test_a_multi_arch_index(self, site: Site, secret: Image, tmp_path: Path) -> None:
        amd, arm = (image({"a": name.encode() * 999}, architecture=name)
                    for name in ("amd64", "arm64"))
        data = write_index_layout(tmp_path / "layout", "v1", amd, arm)
        pusher, reader = Skopeo(site, "pusher"), Skopeo(site, "reader")
        pusher.push(f"oci:{tmp_path / 'layout'}:v1", "models:7b-multi", "--all")
        assert in_registry(site, "models", "7b-multi") == data

        reader.pull("models:7b-multi", f"dir:{tmp_path / 'all'}", "--all")
        assert (tmp_path / "all/manifest.json").read_bytes() == data
        for made in (amd, arm):
            file = made.digest.removeprefix("sha256:") + ".manifest.json"
            assert (tmp_path / "all" / file).read_bytes() == made.manifest
            assert reader.ask("inspect", f"models@{made.digest}", "--raw").encode() == made.manifest
        # One of them, found through the index.
        reader.pull("models:7b-multi", f"dir:{tmp_path / 'one'}", "--override-arch", "arm64")
        assert (tmp_path / "one/manifest.json").read_bytes() == arm.manifest

    def test_from_one_repository_to_another(self, site: Site, tmp_path: Path) -> None:
        """Single and with all architectures: the layers are mounted."""
        pusher = Skopeo(site, "pusher")
        made = image({"a": b"to be mounted " * 500})
        layout = write_layout(made, tmp_path / "single", "v1")
        pusher.push(f"oci:{layout}:v1", "models:7b-skopeo")
        pusher.copy("models:7b-skopeo", "tools/derived:7b-skopeo")
        assert site.digest_in_registry("tools/derived", "7b-skopeo") == made.digest
        site.gate.wait_record(lambda r: r.get("method") == "POST" and r["status"] == 201
                              and r["repository"] == "tools/derived")

        both = write_index_layout(tmp_path / "multi", "v1", image({"a": b"amd " * 500}),
                                  image({"a": b"arm " * 500}, architecture="arm64"))
        pusher.push(f"oci:{tmp_path / 'multi'}:v1", "models:7b-multi", "--all")
        pusher.copy("models:7b-multi", "tools/derived:7b-multi", "--all")
        assert in_registry(site, "tools/derived", "7b-multi") == both

    def test_a_push_elsewhere_is_refused(self, site: Site, secret: Image, tmp_path: Path) -> None:
        layout = write_layout(image({"a": b"not wanted"}), tmp_path / "layout", "v1")
        for user, name in (("pusher", "models:13b-secret"), ("pusher", "tools/other:7b"),
                           ("reader", "models:7b-skopeo"), ("courier", "models:7b-docker")):
            said = Skopeo(site, user).push(f"oci:{layout}:v1", name, check=False)
            assert "denied" in said.lower() and "level=fatal" in said
        assert site.digest_in_registry("models", "13b-secret") == secret.digest


class Containers:
    """buildah and podman over one store."""

    def __init__(self, site: Site, runroot: Path, store: str) -> None:
        self.site = site
        # It is asked for before --creds is looked at.
        (site.root / "home").mkdir(exist_ok=True)
        (site.root / "home/auth.json").write_text("{}")
        # vfs and chroot: what works inside another container, without overlay or a user namespace.
        self._store = ["--root", str(site.root / store), "--runroot", str(runroot),
                       "--storage-driver", "vfs"]

    def run(self, program: str, *arguments: str | Path, check: bool = True) -> str:
        return self.site.run(program, *self._store, *arguments, check=check)

    def as_user(self, user: str, program: str, *arguments: str, check: bool = True) -> str:
        """A verb that talks to the registry."""
        verbs = 2 if arguments[0] == "manifest" else 1
        return self.run(program, *arguments[:verbs], TLS, "--creds", f"{user}:{PASSWORDS[user]}",
                        *arguments[verbs:], check=check)

    def build(self, name: str, what: str, platform: str = "linux/amd64") -> str:
        self.run("buildah", "bud", "--isolation", "chroot", "--platform", platform,
                 "--tag", name, context(self.site, what))
        return name

    def inspect(self, name: str, field: str) -> str:
        return self.run("podman", "image", "inspect", "--format", f"{{{{.{field}}}}}", name).strip()

    def forget(self) -> None:
        self.run("podman", "rmi", "--all", "--force")


@pytest.mark.docker
class TestBuildahAndPodman:
    @pytest.fixture
    def containers(self, site: Site, runroot: Path, tmp_path: Path) -> Containers:
        return Containers(site, runroot, f"store-{tmp_path.name}")

    def test_push_and_pull(self, site: Site, containers: Containers) -> None:
        for program in ("buildah", "podman"):
            name = containers.build(f"{site.host}/models:7b-{program}", program)
            built = containers.inspect(name, "Id")
            containers.as_user("pusher", program, "push", name)
            digest = site.digest_in_registry("models", f"7b-{program}")
            for pullable in (name, f"{site.host}/models@{digest}"):
                containers.forget()
                containers.as_user("reader", program, "pull", pullable)
                assert containers.inspect(pullable, "Id") == built
                assert containers.inspect(pullable, "Digest") == digest

    def test_a_push_only_account(self, site: Site, containers: Containers) -> None:
        for program in ("buildah", "podman"):
            name = f"{site.host}/models:7b-carried-by-{program}"
            containers.build(name, f"carried-by-{program}")
            for _ in range(2):
                containers.as_user("courier", program, "push", name)
            assert site.digest_in_registry("models", f"7b-carried-by-{program}")
            containers.forget()
            said = containers.as_user("courier", program, "pull", name, check=False)
            assert "unknown" in said or "denied" in said
            containers.as_user("reader", program, "pull", name)

    @pytest.mark.parametrize("user", ["reader", "pusher", "courier"])
    def test_what_is_forbidden_is_not_pulled(self, site: Site, containers: Containers,
                                             secret: Image, user: str) -> None:
        for program in ("buildah", "podman"):
            for end in (":13b-secret", f"@{secret.digest}", f"@{digest_of(secret.layers[0])}"):
                said = containers.as_user(user, program, "pull", f"{site.host}/models{end}",
                                          check=False)
                assert "denied" in said or "unknown" in said
                assert containers.run("podman", "images", "--quiet") == ""

    def test_a_multi_arch_index(self, site: Site, containers: Containers) -> None:
        """`buildah manifest push --all`; each architecture is pulled by a podman of its own."""
        parts = [containers.build(f"localhost/{what}", what, f"linux/{what}")
                 for what in ("amd64", "arm64")]
        containers.run("buildah", "manifest", "create", "localhost/multi", *parts)
        name = f"{site.host}/models:7b-multi"
        containers.as_user("pusher", "buildah", "manifest", "push", "--all", "localhost/multi",
                           f"docker://{name}")
        found = json.loads(in_registry(site, "models", "7b-multi"))
        digests = {each["platform"]["architecture"]: each["digest"] for each in found["manifests"]}
        assert set(digests) == {"amd64", "arm64"}
        for architecture, digest in digests.items():
            containers.forget()
            containers.as_user("reader", "podman", "pull", "--arch", architecture, name)
            assert containers.inspect(name, "Architecture") == architecture
            containers.forget()
            containers.as_user("reader", "podman", "pull", f"{site.host}/models@{digest}")

    def test_a_layer_is_mounted_from_another_repository(self, site: Site,
                                                        containers: Containers) -> None:
        first = containers.build(f"{site.host}/models:7b-buildah", "shared")
        containers.as_user("pusher", "buildah", "push", first)
        second = f"{site.host}/tools/derived:7b-buildah"
        containers.run("buildah", "tag", first, second)
        containers.as_user("pusher", "buildah", "push", second)
        assert (site.digest_in_registry("tools/derived", "7b-buildah")
                == site.digest_in_registry("models", "7b-buildah"))
        site.gate.wait_record(lambda r: r.get("method") == "POST" and r["status"] == 201
                              and r["repository"] == "tools/derived"
                              and "Buildah" in r["user_agent"])


# Artifacts, by plain HTTP as oras, helm and cosign ask


@pytest.fixture(scope="module")
def plain(make_module_gate: object, registry: Registry) -> Gate:
    """A gate outside the namespace: these need neither root nor an engine."""
    return make_module_gate(registry.url, POLICY, PASSWORDS)  # type: ignore[operator]


@pytest.fixture
def clients(plain: Gate) -> Iterator[dict[str, Client]]:
    """One of each account."""
    made = {user: Client(plain.connect, plain.credential(user)) for user in PASSWORDS}
    yield made
    for client in made.values():
        client.close()


class TestArtifacts:
    @pytest.fixture
    def subject(self, clients: dict[str, Client], request: pytest.FixtureRequest) -> Image:
        """models:7b-signed, another one for each test."""
        made = image({"model": request.node.name.encode()})
        clients["signer"].push("models", "7b-signed", made)
        return made

    def test_a_chart(self, clients: dict[str, Client]) -> None:
        """`helm push` and `helm pull`."""
        chart = artifacts.chart("models", "7b-chart", b"a chart " * 100)
        for _ in range(2):
            artifacts.push(clients["pusher"], "models", chart, "7b-chart")
        for reference in ("7b-chart", chart.digest):
            assert artifacts.pull(clients["reader"], "models", reference) == [chart.blobs[1]]

    def test_a_push_only_account(self, clients: dict[str, Client]) -> None:
        """What it has just sent it finds again, and nothing else."""
        chart = artifacts.chart("models", "7b-carried-chart", b"a carried chart")
        for _ in range(2):
            artifacts.push(clients["courier"], "models", chart, "7b-carried-chart")
        assert artifacts.pull(clients["reader"], "models", "7b-carried-chart") == [chart.blobs[1]]
        clients["courier"].expect(404, "GET", "/v2/models/manifests/7b-carried-chart",
                                  artifacts.ACCEPT)

    def test_attached_and_discovered(self, clients: dict[str, Client], subject: Image) -> None:
        """`oras attach` and `oras discover`: who may push the tag may speak of the image, who may
        pull it may read what was said."""
        about = descriptor(MANIFEST, subject.manifest)
        sbom = artifacts.artifact(SBOM, b"an sbom", subject=about, annotations={"format": "json"})
        signature = artifacts.artifact(SIGNATURE, b"a signature", subject=about)
        for made in (sbom, signature):
            response = artifacts.push(clients["signer"], "models", made)
            assert response["oci-subject"] == subject.digest

        reader = clients["reader"]
        head = reader.expect(200, "HEAD", "/v2/models/manifests/7b-signed", artifacts.ACCEPT)
        assert head["docker-content-digest"] == subject.digest
        found = {each["digest"]: each for each in
                 artifacts.discover(reader, "models", subject.digest)}
        assert set(found) == {sbom.digest, signature.digest}
        assert found[sbom.digest]["artifactType"] == SBOM
        assert found[sbom.digest]["annotations"] == {"format": "json"}
        of_type = artifacts.discover(reader, "models", subject.digest, SIGNATURE)
        assert [each["digest"] for each in of_type] == [signature.digest]
        for made in (sbom, signature):
            assert artifacts.pull(reader, "models", made.digest) == [made.blobs[1]]

    def test_a_signature_of_an_sbom(self, clients: dict[str, Client], subject: Image) -> None:
        """What speaks of what speaks of the image is reached as well."""
        sbom = artifacts.artifact(SBOM, b"another sbom",
                                  subject=descriptor(MANIFEST, subject.manifest))
        signature = artifacts.artifact(SIGNATURE, b"another signature",
                                       subject=descriptor(MANIFEST, sbom.manifest))
        for made in (sbom, signature):
            artifacts.push(clients["signer"], "models", made)
        found = artifacts.discover(clients["reader"], "models", sbom.digest)
        assert [each["digest"] for each in found] == [signature.digest]
        assert artifacts.pull(clients["reader"], "models", signature.digest) == [signature.blobs[1]]

    def test_with_a_tag_of_its_own(self, clients: dict[str, Client]) -> None:
        """A tag is a right of its own: it needs no subject that may be read."""
        made = artifacts.artifact(SBOM, b"a tagged sbom", subject=descriptor(MANIFEST, b"absent"))
        artifacts.push(clients["pusher"], "models", made, "7b-chart")
        assert artifacts.pull(clients["reader"], "models", "7b-chart") == [made.blobs[1]]

    def test_outsiders_see_none_of_it(self, clients: dict[str, Client], subject: Image) -> None:
        made = artifacts.artifact(SBOM, b"an sbom for some",
                                  subject=descriptor(MANIFEST, subject.manifest))
        artifacts.push(clients["signer"], "models", made)
        insider = clients["insider"]  # of another tag of the same name
        assert artifacts.discover(insider, "models", subject.digest) == []
        for digest in (made.digest, subject.digest):
            insider.expect(404, "GET", f"/v2/models/manifests/{digest}", artifacts.ACCEPT)
        insider.expect(404, "GET", f"/v2/models/blobs/{digest_of(made.blobs[1])}")
        courier = clients["courier"]  # who may pull nothing
        response = courier.expect(403, "GET", f"/v2/models/referrers/{subject.digest}")
        assert error_code(response) == "DENIED"

    def test_what_others_say_of_an_image_is_not_shown(self, clients: dict[str, Client],
                                                      subject: Image) -> None:
        """Naming a subject is never refused and gives nothing."""
        made = artifacts.artifact(SIGNATURE, b"a forged signature",
                                  subject=descriptor(MANIFEST, subject.manifest))
        response = artifacts.push(clients["insider"], "models", made)
        assert response["oci-subject"] == subject.digest
        found = artifacts.discover(clients["reader"], "models", subject.digest)
        assert made.digest not in [each["digest"] for each in found]
        assert clients["reader"].ask("GET", f"/v2/models/manifests/{made.digest}",
                                     artifacts.ACCEPT).status in (403, 404)
        clients["reader"].expect(404, "GET", f"/v2/models/blobs/{digest_of(made.blobs[1])}")
        clients["insider"].expect(404, "GET", f"/v2/models/manifests/{subject.digest}",
                                  artifacts.ACCEPT)

    def test_cosign(self, clients: dict[str, Client], subject: Image) -> None:
        """The signature stands under a tag made of the digest that it signs."""
        tag = subject.digest.replace(":", "-") + ".sig"
        signer, reader = clients["signer"], clients["reader"]
        signer.expect(404, "GET", f"/v2/models/manifests/{tag}", artifacts.ACCEPT)
        for text in (b"one signature", b"two signatures"):
            made = artifacts.artifact(SIGNATURE, text)
            artifacts.push(signer, "models", made, tag)
            assert artifacts.pull(reader, "models", tag) == [text]
        response = clients["insider"].put_manifest("models", tag, made.manifest, MANIFEST)
        assert response.status == 403 and error_code(response) == "DENIED"
        clients["insider"].expect(404, "GET", f"/v2/models/manifests/{tag}", artifacts.ACCEPT)
