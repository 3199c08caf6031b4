"""The distribution API through the gate, as clients use it, against the real registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from conftest import GateMaker
from harness.client import Client, error_code, with_query
from harness.gate import Gate
from harness.images import INDEX, MANIFEST, artifact, image, index
from harness.rawhttp import BadResponse, Response, chunked, digest_of, head
from harness.registry import Registry
from harness.upstream import RecordingUpstream, Request, reply

POLICY = """\
version: 1
users:
  owner:  {permissions: [view, pull, push, delete]}
  other:  {permissions: [view, pull, push]}
  viewer: {permissions: [view, pull]}
  root:   {permissions: [admin]}
rules:
  - {who: [owner], images: ["**"], allow: [view, pull, push, delete]}
  - {who: [other], images: [api, mine], allow: [view, pull, push]}
  - {who: [viewer], images: ["shown/**:*", "lists:7b-*"], allow: [view, pull]}
"""
PASSWORDS = {name: f"{name} Passw0rd!" for name in ("owner", "other", "viewer", "root")}
OCTETS = ("Content-Type", "application/octet-stream")
BLOB = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def gate(make_module_gate: GateMaker, registry: Registry) -> Gate:
    return make_module_gate(registry.url, POLICY, PASSWORDS)


@pytest.fixture
def owner(gate: Gate) -> Iterator[Client]:
    with Client(gate.connect, gate.credential("owner")) as client:
        yield client


def is_relative(location: str) -> bool:
    return location.startswith("/v2/")


class TestUpload:
    def test_monolithic(self, owner: Client) -> None:
        location = owner.open_upload("api")
        assert is_relative(location)
        digest = digest_of(BLOB)
        done = owner.expect(201, "PUT", with_query(location, digest=digest), [OCTETS], BLOB)
        assert done["location"] == f"/v2/api/blobs/{digest}"
        assert done["docker-content-digest"] == digest
        assert owner.expect(200, "GET", f"/v2/api/blobs/{digest}").body == BLOB

    def test_in_patches_with_ranges(self, owner: Client) -> None:
        location, sent = owner.open_upload("api"), 0
        for piece in (BLOB[:100_000], BLOB[100_000:100_001], BLOB[100_001:]):
            span = ("Content-Range", f"{sent}-{sent + len(piece) - 1}")
            step = owner.expect(202, "PATCH", location, [OCTETS, span], piece)
            location, sent = step["location"], sent + len(piece)
            assert is_relative(location)
            assert step["range"] == f"0-{sent - 1}"
        digest = digest_of(BLOB)
        owner.expect(201, "PUT", with_query(location, digest=digest), [OCTETS])
        assert owner.expect(200, "GET", f"/v2/api/blobs/{digest}").body == BLOB

    def test_chunked_as_docker_sends_it(self, owner: Client) -> None:
        body = chunked([BLOB[:1], BLOB[1:70_000], BLOB[70_000:]])
        location = owner.open_upload("api")
        fields = [OCTETS, ("Transfer-Encoding", "chunked")]
        location = owner.expect(202, "PATCH", location, fields, body)["location"]
        digest = digest_of(BLOB)
        owner.expect(201, "PUT", with_query(location, digest=digest), [OCTETS])
        assert owner.expect(200, "GET", f"/v2/api/blobs/{digest}").body == BLOB

    def test_chunk_extensions_and_trailers_are_dropped(self, owner: Client) -> None:
        data = b"extended " * 20
        body = b'%x;name="a \\" b"\r\n%s\r\n0;last\r\nX-Trailer: 1\r\n\r\n' % (len(data), data)
        fields = [OCTETS, ("Transfer-Encoding", "chunked")]
        location = owner.expect(202, "PATCH", owner.open_upload("api"), fields, body)["location"]
        owner.expect(201, "PUT", with_query(location, digest=digest_of(data)))

    def test_an_empty_blob(self, owner: Client) -> None:
        assert owner.push_blob("api", b"") == digest_of(b"")
        assert owner.expect(200, "GET", f"/v2/api/blobs/{digest_of(b'')}").body == b""

    def test_a_wrong_digest_is_refused_by_the_registry(self, owner: Client) -> None:
        location = with_query(owner.open_upload("api"), digest=digest_of(b"not this"))
        response = owner.expect(400, "PUT", location, [OCTETS], b"but that")
        assert error_code(response) == "DIGEST_INVALID"

    def test_status_and_cancel(self, owner: Client) -> None:
        location = owner.open_upload("api")
        location = owner.expect(202, "PATCH", location, [OCTETS], b"12345")["location"]
        status = owner.expect(204, "GET", location)
        assert status["range"] == "0-4" and is_relative(status["location"])
        owner.expect(204, "DELETE", location)
        assert error_code(owner.expect(404, "GET", location)).startswith("BLOB_UPLOAD_")

    def test_an_interrupted_upload_goes_on_over_another_connection(
        self, gate: Gate, owner: Client
    ) -> None:
        location = owner.open_upload("api")
        half = len(BLOB) // 2
        location = owner.expect(202, "PATCH", location, [OCTETS], BLOB[:half])["location"]
        owner.close()
        with Client(gate.connect, gate.credential("owner")) as later:
            status = later.expect(204, "GET", location)
            done = int(status["range"].split("-")[1]) + 1
            assert done == half
            span = ("Content-Range", f"{done}-{len(BLOB) - 1}")
            location = later.expect(202, "PATCH", status["location"], [OCTETS, span],
                                    BLOB[done:])["location"]
            later.expect(201, "PUT", with_query(location, digest=digest_of(BLOB)))

    @pytest.mark.parametrize("who", ["other", "root"])
    def test_an_upload_belongs_to_who_opened_it(self, gate: Gate, owner: Client, who: str) -> None:
        # Quay CVE-2026-32589: a session used by someone else.
        location = owner.open_upload("api")
        with Client(gate.connect, gate.credential(who)) as thief:
            for method in ("GET", "PATCH", "PUT", "DELETE"):
                target = with_query(location, digest=digest_of(b"x")) if method == "PUT" else location
                response = thief.expect(404, method, target, [OCTETS],
                                        b"x" if method in ("PATCH", "PUT") else b"")
                assert error_code(response) == "BLOB_UPLOAD_UNKNOWN"
        owner.expect(202, "PATCH", location, [OCTETS], b"still mine")

    def test_an_upload_belongs_to_its_repository(self, owner: Client) -> None:
        location = owner.open_upload("api").replace("/v2/api/", "/v2/elsewhere/")
        assert error_code(owner.expect(404, "PATCH", location, [OCTETS], b"x")).startswith(
            "BLOB_UPLOAD_")


class TestMount:
    def test_a_readable_blob_is_mounted(self, owner: Client) -> None:
        digest = owner.push_blob("source", b"mounted " * 100)
        # docker sends it percent-encoded.
        target = f"/v2/w/x/blobs/uploads/?mount={quote(digest, safe='')}&from=source"
        done = owner.expect(201, "POST", target)
        assert done["location"] == f"/v2/w/x/blobs/{digest}"
        assert done["docker-content-digest"] == digest
        owner.expect(200, "HEAD", f"/v2/w/x/blobs/{digest}")

    def test_an_encoded_slash_in_from(self, owner: Client) -> None:
        digest = owner.push_blob("w/y", b"from below")
        target = f"/v2/z/blobs/uploads/?from=w%2Fy&mount={digest}"
        owner.expect(201, "POST", target)

    def test_a_blob_that_may_not_be_read_becomes_an_ordinary_upload(
        self, gate: Gate, owner: Client
    ) -> None:
        secret = owner.push_blob("secret", b"nobody else's")
        with Client(gate.connect, gate.credential("other")) as other:
            target = f"/v2/mine/blobs/uploads/?mount={secret}&from=secret"
            location = other.expect(202, "POST", target)["location"]
            data = b"an ordinary upload"
            other.expect(201, "PUT", with_query(location, digest=digest_of(data)), [OCTETS], data)
            assert other.ask("HEAD", f"/v2/mine/blobs/{secret}").status == 404

    def test_absent_and_hidden_look_alike(self, gate: Gate, owner: Client) -> None:
        owner.push_blob("secret", b"there")
        with Client(gate.connect, gate.credential("other")) as other:
            answers = [
                other.expect(202, "POST", f"/v2/mine/blobs/uploads/?mount={digest}&from=secret")
                for digest in (digest_of(b"there"), digest_of(b"absent"))
            ]
        names = [sorted(name for name, _ in answer.fields) for answer in answers]
        assert names[0] == names[1]


class TestRead:
    @pytest.mark.parametrize(
        "span, content_range, piece",
        [
            ("bytes=0-9", f"bytes 0-9/{len(BLOB)}", BLOB[:10]),
            ("bytes=1000-", f"bytes 1000-{len(BLOB) - 1}/{len(BLOB)}", BLOB[1000:]),
            ("bytes=-5", f"bytes {len(BLOB) - 5}-{len(BLOB) - 1}/{len(BLOB)}", BLOB[-5:]),
        ],
    )
    def test_ranges(self, owner: Client, span: str, content_range: str, piece: bytes) -> None:
        digest = owner.push_blob("api", BLOB)
        response = owner.expect(206, "GET", f"/v2/api/blobs/{digest}", [("Range", span)])
        assert response["content-range"] == content_range
        assert response.body == piece

    def test_a_range_beyond_the_end(self, owner: Client) -> None:
        """registry 2.8.2 answers 416 with the blob's length and a shorter text: an answer that
        never ends. The client gets a whole one, and the connection goes on."""
        digest = owner.push_blob("api", BLOB)
        for _ in range(2):
            response = owner.expect(416, "GET", f"/v2/api/blobs/{digest}",
                                    [("Range", f"bytes={len(BLOB)}-")])
            assert response["content-range"] == f"bytes */{len(BLOB)}"
            owner.expect(200, "HEAD", f"/v2/api/blobs/{digest}")

    def test_head_equals_get(self, owner: Client) -> None:
        made = image()
        owner.push("api", "head", made)
        for target in ("/v2/api/manifests/head", f"/v2/api/manifests/{made.digest}",
                       f"/v2/api/blobs/{digest_of(made.config)}"):
            accept = [("Accept", MANIFEST)]
            got = owner.expect(200, "GET", target, accept)
            asked = owner.expect(200, "HEAD", target, accept)
            for name in ("content-length", "content-type", "docker-content-digest", "etag"):
                assert got[name] == asked[name]
            assert asked.body == b"" and len(got.body) == int(asked["content-length"])

    def test_a_missing_blob_and_manifest(self, owner: Client) -> None:
        blob = owner.expect(404, "GET", f"/v2/api/blobs/{digest_of(b'absent')}")
        assert error_code(blob) == "BLOB_UNKNOWN"
        manifest = owner.expect(404, "GET", "/v2/api/manifests/absent")
        assert error_code(manifest) == "MANIFEST_UNKNOWN"

    def test_if_none_match(self, owner: Client) -> None:
        made = image({"a": b"cached"})
        owner.push("api", "cached", made)
        fields = [("Accept", MANIFEST), ("If-None-Match", f'"{made.digest}"')]
        assert owner.expect(304, "GET", "/v2/api/manifests/cached", fields).body == b""
        owner.expect(200, "GET", "/v2/api/manifests/cached", fields[:1])

    def test_an_index_and_accept(self, owner: Client) -> None:
        amd, arm = image({"a": b"amd"}), image({"a": b"arm"}, architecture="arm64")
        for made in (amd, arm):
            owner.push("api", made.digest, made)
        both = index(amd, arm)
        assert owner.put_manifest("api", "multi", both, INDEX).status == 201
        # Several fields are one list.
        fields = [("Accept", MANIFEST), ("Accept", INDEX)]
        assert owner.expect(200, "GET", "/v2/api/manifests/multi", fields).body == both
        fields = [("Accept", f"{MANIFEST}, {INDEX};q=0.5")]
        assert owner.expect(200, "GET", "/v2/api/manifests/multi", fields).body == both
        # Nothing is converted.
        wrong = owner.expect(404, "GET", "/v2/api/manifests/multi", [("Accept", MANIFEST)])
        assert error_code(wrong) == "MANIFEST_UNKNOWN"
        for made in (amd, arm):
            child = owner.expect(200, "GET", f"/v2/api/manifests/{made.digest}",
                                 [("Accept", MANIFEST)])
            assert child.body == made.manifest

    def test_a_manifest_of_more_than_4_mib_is_refused(self, owner: Client) -> None:
        # CVE-2017-11468
        response = owner.put_manifest("api", "big", b"{" + b" " * (4 << 20) + b"}", MANIFEST)
        assert response.status == 413
        assert error_code(response) in ("MANIFEST_INVALID", "SIZE_INVALID")

    def test_what_can_be_neither_a_tag_nor_a_digest(self, owner: Client) -> None:
        for method in ("GET", "HEAD"):
            owner.expect(404, method, "/v2/api/manifests/-no-reference")


class TestDelete:
    def test_by_digest(self, owner: Client) -> None:
        made = image({"a": b"deleted"})
        owner.push("api", "doomed", made)
        owner.expect(202, "DELETE", f"/v2/api/manifests/{made.digest}")
        for reference in ("doomed", made.digest):
            for method in ("GET", "DELETE"):
                response = owner.expect(404, method, f"/v2/api/manifests/{reference}",
                                        [("Accept", MANIFEST)])
                assert error_code(response) == "MANIFEST_UNKNOWN"

    def test_of_a_blob(self, owner: Client) -> None:
        digest = owner.push_blob("api", b"a doomed blob")
        owner.expect(202, "DELETE", f"/v2/api/blobs/{digest}")
        owner.expect(404, "HEAD", f"/v2/api/blobs/{digest}")
        assert error_code(owner.expect(404, "DELETE", f"/v2/api/blobs/{digest}")) == "BLOB_UNKNOWN"

    def test_by_tag_leaves_the_siblings(self, owner: Client, registry: Registry) -> None:
        """registry 2.8.2 cannot: it takes the tag for a digest and says 400."""
        made = image({"a": b"sibling"})
        for tag in ("one", "two"):
            owner.push("siblings", tag, made)
        owner.expect(202, "DELETE", "/v2/siblings/manifests/one")
        for method in ("GET", "DELETE"):
            gone = owner.expect(404, method, "/v2/siblings/manifests/one", [("Accept", MANIFEST)])
            assert error_code(gone) == "MANIFEST_UNKNOWN"
        for reference in ("two", made.digest):
            got = owner.expect(200, "GET", f"/v2/siblings/manifests/{reference}",
                               [("Accept", MANIFEST)])
            assert got.body == made.manifest
        with Client(registry.connect) as direct:
            tags = json.loads(direct.expect(200, "GET", "/v2/siblings/tags/list").body)["tags"]
            assert tags == ["two"]
            direct.expect(404, "GET", "/v2/siblings/manifests/one", [("Accept", MANIFEST)])
            direct.expect(200, "GET", "/v2/siblings/manifests/two", [("Accept", MANIFEST)])


class TestLists:
    TAGS = ["12b-fp16", "7b-fp16", "7b-int4", "7b-int8", "latest"]

    @pytest.fixture(scope="class", autouse=True)
    def pushed(self, gate: Gate) -> None:
        made = image()
        with Client(gate.connect, gate.credential("owner")) as owner:
            for tag in self.TAGS:
                owner.push("lists", tag, made)
            for name in ("shown/a", "shown/b", "shown/c/d", "hidden/a"):
                owner.push(name, "1", made)

    @staticmethod
    def pages(client: Client, target: str, key: str) -> list[list[str]]:
        """All pages, by following Link as clients do."""
        pages: list[list[str]] = []
        while True:
            response = client.expect(200, "GET", target)
            assert response["content-type"].split(";")[0] == "application/json"
            pages.append(json.loads(response.body)[key])
            link = response.get("link")
            if link is None:
                return pages
            assert link.startswith("<") and link.endswith('>; rel="next"')
            target = link[1 : link.index(">")]
            assert is_relative(target)

    def test_tags_are_filtered(self, gate: Gate) -> None:
        with Client(gate.connect, gate.credential("viewer")) as viewer:
            body = viewer.expect(200, "GET", "/v2/lists/tags/list").body
        assert json.loads(body) == {"name": "lists", "tags": ["7b-fp16", "7b-int4", "7b-int8"]}

    @pytest.mark.parametrize("size, pages", [(1, 3), (2, 2), (3, 1), (100, 1)])
    def test_pages_of_tags_are_exact(self, gate: Gate, size: int, pages: int) -> None:
        with Client(gate.connect, gate.credential("viewer")) as viewer:
            got = self.pages(viewer, f"/v2/lists/tags/list?n={size}", "tags")
        assert sum(got, []) == ["7b-fp16", "7b-int4", "7b-int8"]
        assert len(got) == pages
        assert all(len(page) == size for page in got[:-1])

    def test_last_need_not_be_a_tag(self, gate: Gate) -> None:
        with Client(gate.connect, gate.credential("viewer")) as viewer:
            body = viewer.expect(200, "GET", "/v2/lists/tags/list?last=7b-g&n=1").body
        assert json.loads(body)["tags"] == ["7b-int4"]

    def test_a_page_of_none(self, owner: Client) -> None:
        # The OCI specification: n=0 is an empty list without a Link.
        response = owner.expect(200, "GET", "/v2/lists/tags/list?n=0")
        assert json.loads(response.body)["tags"] == [] and response.get("link") is None

    @pytest.mark.parametrize("query", ["n=-1", "n=x", "n=1&n=2", "n=99999999999999999999"])
    def test_an_n_that_is_none(self, owner: Client, query: str) -> None:
        response = owner.expect(400, "GET", f"/v2/lists/tags/list?{query}")
        assert error_code(response) in ("PAGINATION_NUMBER_INVALID", "UNSUPPORTED")

    def test_a_large_n_is_capped_but_not_refused(self, owner: Client) -> None:
        # CVE-2023-2253
        assert len(json.loads(owner.expect(200, "GET", "/v2/_catalog?n=1000000").body)) == 1

    def test_all_tags_for_who_may_view_all(self, owner: Client) -> None:
        body = owner.expect(200, "GET", "/v2/lists/tags/list").body
        assert json.loads(body)["tags"] == self.TAGS

    def test_the_catalog_is_filtered(self, gate: Gate) -> None:
        with Client(gate.connect, gate.credential("viewer")) as viewer:
            body = viewer.expect(200, "GET", "/v2/_catalog").body
        assert json.loads(body)["repositories"] == ["lists", "shown/a", "shown/b", "shown/c/d"]

    @pytest.mark.parametrize("size, pages", [(1, 4), (2, 2), (3, 2), (4, 1)])
    def test_pages_of_the_catalog_are_exact(self, gate: Gate, size: int, pages: int) -> None:
        with Client(gate.connect, gate.credential("viewer")) as viewer:
            got = self.pages(viewer, f"/v2/_catalog?n={size}", "repositories")
        assert sum(got, []) == ["lists", "shown/a", "shown/b", "shown/c/d"]
        assert len(got) == pages

    def test_a_repository_that_does_not_exist(self, owner: Client) -> None:
        response = owner.expect(404, "GET", "/v2/never/pushed/tags/list")
        assert error_code(response) == "NAME_UNKNOWN"


class TestProtocol:
    def test_unknown_paths_are_not_forwarded(
        self, make_gate: GateMaker, upstream: RecordingUpstream
    ) -> None:
        gate = make_gate(upstream.url, POLICY, PASSWORDS)
        for method, target in [
            ("GET", "/"), ("GET", "/v1/"), ("GET", "/metrics"), ("GET", "/debug/pprof"),
            ("GET", "/v2/x/unknown/y"), ("GET", "/v2/UPPER/manifests/1"), ("GET", "/v2/_other"),
            ("POST", "/v2/x/manifests/1"), ("DELETE", "/v2/_catalog"), ("PUT", "/v2/"),
            ("GET", "/v2/x/manifests/" + "t" * 129), ("GET", "/v2/x/blobs/sha256:short"),
            ("PATCH", "/v2/x/tags/list"), ("DELETE", "/v2/x/tags/list"),
        ]:
            response = gate.ask(method, target, user="root")
            assert response.status in (400, 404, 405), (method, target, response)
        assert upstream.asked() == []

    @pytest.mark.parametrize("part", ["manifests", "blobs", "tags", "uploads", "referrers"])
    def test_names_with_words_of_the_api_are_refused_at_push(self, owner: Client, part: str) -> None:
        response = owner.ask("POST", f"/v2/a/{part}/b/blobs/uploads/")
        assert response.status in (400, 403, 404)

    def test_keep_alive(self, gate: Gate) -> None:
        with gate.connect() as connection:
            for _ in range(20):
                response = connection.request("GET", "/v2/", [gate.credential("owner")])
                assert response.status == 200 and response.keeps_alive

    def test_a_refusal_keeps_the_connection(self, gate: Gate) -> None:
        with gate.connect() as connection:
            for user, status in [("viewer", 403), ("owner", 404), ("viewer", 403)]:
                response = connection.request(
                    "GET", "/v2/hidden/manifests/none", [gate.credential(user)])
                assert response.status == status and response.keeps_alive

    def test_pipelined_requests_are_answered_in_order(self, gate: Gate, owner: Client) -> None:
        blobs = [b"pipelined %d" % number * (number + 1) * 100 for number in range(8)]
        digests = [owner.push_blob("api", blob) for blob in blobs]
        credential = gate.credential("owner")
        with gate.connect() as connection:
            connection.send(b"".join(
                head("GET", f"/v2/api/blobs/{digest}", [credential]) for digest in digests))
            for blob in blobs:
                assert connection.read_response().body == blob

    def test_a_request_behind_a_body_in_one_packet(self, gate: Gate, owner: Client) -> None:
        location = owner.open_upload("api")
        fields = [gate.credential("owner"), OCTETS]
        with gate.connect() as connection:
            connection.send(
                head("PATCH", location, [*fields, ("Content-Length", "5")]) + b"hello"
                + head("PATCH", owner.open_upload("api"),
                       [*fields, ("Transfer-Encoding", "chunked")]) + chunked([b"x", b"yz"])
                + head("GET", "/v2/", fields[:1]))
            assert connection.read_response("PATCH")["range"] == "0-4"
            assert connection.read_response("PATCH")["range"] == "0-2"
            assert connection.read_response().status == 200

    def test_connection_close_is_honoured(self, gate: Gate) -> None:
        with gate.connect() as connection:
            response = connection.request(
                "GET", "/v2/", [gate.credential("owner"), ("Connection", "close")])
            assert response.status == 200 and not response.keeps_alive
            assert connection.is_closed()

    def test_an_http_1_0_client(self, gate: Gate, owner: Client) -> None:
        digest = owner.push_blob("api", BLOB)
        name, value = gate.credential("owner")
        with gate.connect() as connection:
            connection.send(
                f"GET /v2/api/blobs/{digest} HTTP/1.0\r\nHost: registry.test\r\n"
                f"{name}: {value}\r\n\r\n".encode())
            response = connection.read_response()
            assert response.status == 200 and response.body == BLOB
            assert response.get("transfer-encoding") is None
            assert connection.is_closed()

    def test_no_answer_hands_on_hop_by_hop_fields(self, gate: Gate, owner: Client) -> None:
        response = owner.expect(200, "GET", "/v2/")
        names = {name for name, _ in response.fields}
        assert not names & {"keep-alive", "proxy-connection", "te", "trailer", "upgrade"}


class TestExpect:
    """RFC 9110, 10.1.1. docker sends it for large bodies; the body must not come for nothing."""

    def test_continue_is_said_only_after_the_decision(self, gate: Gate, owner: Client) -> None:
        location = owner.open_upload("api")
        fields = [gate.credential("owner"), OCTETS, ("Content-Length", "5"),
                  ("Expect", "100-continue")]
        with gate.connect() as connection:
            connection.send(head("PATCH", location, fields))
            assert connection.read_interim() == 100
            connection.send(b"hello")
            assert connection.read_response("PATCH").status == 202

    @pytest.mark.parametrize("user, password, status",
                             [("viewer", None, 403), ("owner", "wrong", 401)])
    def test_a_refused_body_is_not_asked_for(
        self, gate: Gate, owner: Client, user: str, password: str | None, status: int
    ) -> None:
        location = owner.open_upload("api")
        fields = [gate.credential(user, password), OCTETS, ("Content-Length", "5000000000"),
                  ("Expect", "100-continue")]
        with gate.connect() as connection:
            connection.send(head("PATCH", location, fields))
            response = connection.read_response("PATCH")
            assert response.status == status and response.interim == []

    def test_a_body_that_comes_anyway_is_not_a_request(self, gate: Gate, owner: Client) -> None:
        """A refused client may send its body all the same: it must not be read as a request."""
        location = owner.open_upload("api")
        inner = head("GET", "/v2/", [gate.credential("owner")])
        fields = [gate.credential("viewer"), OCTETS, ("Content-Length", str(len(inner))),
                  ("Expect", "100-continue")]
        with gate.connect() as connection:
            connection.send(head("PATCH", location, fields) + inner)
            assert connection.read_response("PATCH").status == 403
            assert connection.is_closed() or connection.is_silent(0.5)


class TestRedirect:
    """An upstream that answers 307, as registries with an object store behind them do."""

    HELD = artifact("application/vnd.test.model", BLOB)
    DIGEST = digest_of(BLOB)

    @pytest.fixture(autouse=True)
    def held(self, upstream: RecordingUpstream) -> None:
        upstream.holds.add("api", "latest", self.HELD)

    @pytest.fixture
    def store(self) -> Iterator[RecordingUpstream]:
        def answer(request: Request, _: object) -> bytes:
            assert request.get("authorization") is None
            return reply("200 OK", BLOB, ("Content-Type", "binary/octet-stream"))

        with RecordingUpstream(answer) as started:
            yield started

    @pytest.fixture
    def redirecting(self, upstream: RecordingUpstream, store: RecordingUpstream) -> str:
        upstream.handler = lambda *_: reply(
            "307 Temporary Redirect", b"", ("Location", f"{store.url}/bucket/blob?signature=s%2Fs"))
        return upstream.url

    def ask(self, make_gate: GateMaker, url: str, mode: str | None) -> tuple[Gate, Response]:
        upstream = {"redirects": mode} if mode else {}
        gate = make_gate(url, POLICY, PASSWORDS, settings={"upstream": upstream})
        return gate, gate.ask("GET", f"/v2/api/blobs/{self.DIGEST}", user="owner")

    @pytest.mark.parametrize("mode", ["refuse", None])
    def test_refused(self, make_gate: GateMaker, redirecting: str, store: RecordingUpstream,
                     mode: str | None) -> None:
        _, response = self.ask(make_gate, redirecting, mode)
        assert response.status == 502
        assert error_code(response)
        assert response.get("location") is None and b"bucket" not in response.body
        assert store.asked() == []

    def test_followed(self, make_gate: GateMaker, redirecting: str,
                      store: RecordingUpstream) -> None:
        _, response = self.ask(make_gate, redirecting, "follow")
        assert response.status == 200 and response.body == BLOB
        assert response.get("location") is None
        assert [request.target for request in store.asked()] == ["/bucket/blob?signature=s%2Fs"]

    def test_an_endless_chain_ends(self, make_gate: GateMaker,
                                   upstream: RecordingUpstream) -> None:
        upstream.handler = lambda request, _: reply(
            "307 Temporary Redirect", b"", ("Location", upstream.url + request.target))
        _, response = self.ask(make_gate, upstream.url, "follow")
        assert response.status == 502
        assert len(upstream.asked()) <= 20

    @pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://x/", "//", "http://"])
    def test_other_schemes_are_not_followed(
        self, make_gate: GateMaker, upstream: RecordingUpstream, location: str
    ) -> None:
        upstream.handler = lambda *_: reply(
            "307 Temporary Redirect", b"", ("Location", location))
        _, response = self.ask(make_gate, upstream.url, "follow")
        assert response.status == 502


class TestWhatReachesTheUpstream:
    """The head is rebuilt from what was decided, never copied."""

    def test_nothing_of_the_client_goes_along(
        self, make_gate: GateMaker, upstream: RecordingUpstream
    ) -> None:
        upstream.handler = lambda *_: reply("202 Accepted", b"", ("Location", "/v2/api/blobs/uploads/u"))
        gate = make_gate(upstream.url, POLICY, PASSWORDS)
        gate.ask("POST", "/v2/api/blobs/uploads/?n=1&unknown=2", user="owner", fields=[
            ("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "gopher"),
            ("Forwarded", "host=evil.test"), ("Connection", "keep-alive, x-hop"),
            ("X-Hop", "1"), ("Keep-Alive", "timeout=5"), ("TE", "trailers"),
            ("Cookie", "session=1"), ("Proxy-Authorization", "Basic eDp4"),
            ("Content-Type", "application/x-www-form-urlencoded")],
            body=b"from=secret&mount=" + digest_of(b"x").encode())
        assert len(upstream.asked()) == 1
        for request in upstream.asked():
            assert request.target.split("?")[0] == "/v2/api/blobs/uploads/"
            names = {name for name, _ in request.fields}
            assert not names & {
                "authorization", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-hop",
                "keep-alive", "te", "cookie", "proxy-authorization", "upgrade"}, request.head
            assert request.get("content-type") in (None, "application/octet-stream")
            assert b"evil" not in request.head and b"gopher" not in request.head

    @pytest.mark.parametrize("location", [
        "http://evil.test/v2/api/blobs/uploads/u?_state=s",
        "/v2/api/blobs/uploads/u?_state=s",
        "//evil.test/v2/api/blobs/uploads/u?_state=s",
    ])
    def test_location_is_made_relative(
        self, make_gate: GateMaker, upstream: RecordingUpstream, location: str
    ) -> None:
        upstream.handler = lambda *_: reply("202 Accepted", b"", ("Location", location),
                                            ("Set-Cookie", "upstream=1"), ("Keep-Alive", "1"),
                                            ("Connection", "keep-alive, X-Secret"), ("X-Secret", "1"))
        gate = make_gate(upstream.url, POLICY, PASSWORDS)
        response = gate.ask("POST", "/v2/api/blobs/uploads/", user="owner")
        assert response.status == 202
        assert response["location"].startswith("/v2/api/blobs/uploads/u")
        names = {name for name, _ in response.fields}
        assert not names & {"x-secret", "keep-alive", "set-cookie"}


def test_the_strict_client_is_strict(upstream: RecordingUpstream) -> None:
    """The harness itself: a client that forgives would prove nothing."""
    from harness.rawhttp import Connection

    for answer in (
        b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
    ):
        def send(_: Request, peer: object, answer: bytes = answer) -> None:
            peer.sendall(answer)  # type: ignore[attr-defined]

        upstream.handler = send
        with Connection(upstream.address) as connection, pytest.raises(BadResponse):
            connection.request("GET", "/x")
