"""Push: blobs, in all the ways in which they may come."""

from __future__ import annotations

from urllib.parse import quote

from harness.client import with_query
from harness.images import image
from harness.rawhttp import chunked, digest_of

from .case import OCTETS, Side, Table, error_codes, given, resolve

TABLE = Table("upload")
case = TABLE.case

DATA = bytes(range(256)) * 16
CHUNKS = [DATA[:2000], DATA[2000:4000], DATA[4000:]]
SPANS = ["0-1999", "2000-3999", f"4000-{len(DATA) - 1}"]


def _is_there(side: Side, data: bytes, name: str = "") -> None:
    digest = digest_of(data)
    head = side.expect(200, "HEAD", side.blob(digest, name))
    assert head["content-length"] == str(len(data))
    assert side.get(side.blob(digest, name)) == data


# Monolithic


@case()
def post_then_put(side: Side) -> None:
    done = side.close_upload(side.open_upload(), DATA, DATA)
    assert done["docker-content-digest"] == digest_of(DATA)
    assert side.get(resolve(done)) == DATA
    _is_there(side, DATA)


@case()
def each_post_opens_a_session_of_its_own(side: Side) -> None:
    locations = {side.open_upload() for _ in range(3)}
    assert len(locations) == 3
    for number, location in enumerate(locations):
        data = b"session %d" % number
        side.close_upload(location, data, data)
        _is_there(side, data)


@case()
def a_single_post(side: Side) -> None:
    """201, or 202 and the session for a PUT."""
    digest = digest_of(DATA)
    response = side.expect((201, 202), "POST", side.uploads(f"?digest={digest}"), [OCTETS], DATA)
    if response.status == 201:
        assert side.get(resolve(response)) == DATA
    else:
        side.is_absent(side.blob(digest))
        side.close_upload(resolve(response), DATA, DATA)
    _is_there(side, DATA)


@case()
def an_upload_of_what_is_there(side: Side) -> None:
    for _ in range(2):
        side.close_upload(side.open_upload(), DATA, DATA)
    _is_there(side, DATA)


# In chunks


@case()
def streamed_in_one_patch(side: Side) -> None:
    step = side.patch(side.open_upload(), DATA)
    assert step["range"] == f"0-{len(DATA) - 1}"
    assert side.get(resolve(side.close_upload(resolve(step), DATA))) == DATA


@case()
def streamed_without_a_length(side: Side) -> None:
    fields = [OCTETS, ("Transfer-Encoding", "chunked")]
    step = side.expect(202, "PATCH", side.open_upload(), fields, chunked(CHUNKS))
    assert step["range"] == f"0-{len(DATA) - 1}"
    side.close_upload(resolve(step), DATA)
    _is_there(side, DATA)


@case()
def in_chunks(side: Side) -> None:
    location = side.open_upload()
    for piece, span in zip(CHUNKS, SPANS):
        step = side.patch(location, piece, span)
        assert step["range"] == "0-" + span.split("-")[1]
        location = resolve(step)
    done = side.close_upload(location, DATA)
    assert side.get(resolve(done)) == DATA
    _is_there(side, DATA)


@case()
def in_chunks_the_last_in_the_put(side: Side) -> None:
    location = side.open_upload()
    for piece, span in zip(CHUNKS[:-1], SPANS[:-1]):
        location = resolve(side.patch(location, piece, span))
    side.close_upload(location, DATA, CHUNKS[-1], SPANS[-1])
    _is_there(side, DATA)


@case(lacks="order of chunks")
def a_chunk_too_early(side: Side) -> None:
    location = side.open_upload()
    side.expect(416, "PATCH", location, [OCTETS, ("Content-Range", SPANS[1])], CHUNKS[1])
    # The session goes on.
    for piece, span in zip(CHUNKS, SPANS):
        location = resolve(side.patch(location, piece, span))
    side.close_upload(location, DATA)
    _is_there(side, DATA)


@case(lacks="order of chunks")
def a_last_chunk_too_early(side: Side) -> None:
    with given():
        location = resolve(side.patch(side.open_upload(), CHUNKS[0], SPANS[0]))
    digest = digest_of(CHUNKS[0] + CHUNKS[2])
    side.expect(416, "PUT", with_query(location, digest=digest),
                [OCTETS, ("Content-Range", SPANS[2])], CHUNKS[2])
    side.is_absent(side.blob(digest))


@case(lacks="Locations of earlier steps")
def a_chunk_twice(side: Side) -> None:
    first = side.open_upload()
    with given():
        side.patch(first, CHUNKS[0], SPANS[0])
    side.expect(416, "PATCH", first, [OCTETS, ("Content-Range", SPANS[0])], CHUNKS[0])


@case(lacks="Locations of earlier steps")
def the_status_by_the_first_location(side: Side) -> None:
    first = side.open_upload()
    with given():
        side.patch(first, CHUNKS[0], SPANS[0])
    status = side.expect(204, "GET", first)
    assert status["range"] == SPANS[0]
    location = resolve(status)
    for piece, span in zip(CHUNKS[1:], SPANS[1:]):
        location = resolve(side.patch(location, piece, span))
    side.close_upload(location, DATA)
    _is_there(side, DATA)


# Status and cancelling


@case()
def the_status_of_an_upload(side: Side) -> None:
    location = side.open_upload()
    for piece, span in zip(CHUNKS, SPANS):
        location = resolve(side.patch(location, piece, span))
        status = side.expect(204, "GET", location)
        assert status["range"] == "0-" + span.split("-")[1]
        location = resolve(status)
    side.close_upload(location, DATA)
    _is_there(side, DATA)


@case()
def the_status_before_the_first_byte(side: Side) -> None:
    location = side.open_upload()
    location = resolve(side.expect(204, "GET", location))
    side.close_upload(location, DATA, DATA)
    _is_there(side, DATA)


@case()
def cancelled(side: Side) -> None:
    for begun in (False, True):
        location = side.open_upload()
        if begun:
            location = resolve(side.patch(location, CHUNKS[0]))
        side.expect(204, "DELETE", location)
        side.expect(404, "GET", location)
        side.expect(404, "PATCH", location, [OCTETS], b"more")
    side.is_absent(side.blob(digest_of(CHUNKS[0])))


@case()
def a_closed_session_is_over(side: Side) -> None:
    location = resolve(side.patch(side.open_upload(), DATA))
    side.close_upload(location, DATA)
    side.expect(404, "GET", location)
    side.expect(404, "PATCH", location, [OCTETS], b"more")


@case()
def a_session_that_never_was(side: Side) -> None:
    target = side.uploads("6a3a5b4e-1111-4222-8333-123456789abc")
    for method in ("GET", "PATCH", "DELETE"):
        response = side.expect(404, method, target, [OCTETS],
                               b"x" if method == "PATCH" else b"")
        assert error_codes(response) <= {"BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"}


# Digests that do not fit


def _refused(side: Side, location: str, body: bytes) -> None:
    digest = digest_of(b"something else")
    response = side.expect(400, "PUT", with_query(location, digest=digest), [OCTETS], body)
    assert error_codes(response) == {"DIGEST_INVALID"}
    side.is_absent(side.blob(digest))
    side.is_absent(side.blob(digest_of(DATA)))


@case()
def a_wrong_digest_in_post_then_put(side: Side) -> None:
    _refused(side, side.open_upload(), DATA)


@case()
def a_wrong_digest_after_chunks(side: Side) -> None:
    location = side.open_upload()
    for piece, span in zip(CHUNKS, SPANS):
        location = resolve(side.patch(location, piece, span))
    _refused(side, location, b"")


@case()
def a_wrong_digest_after_a_stream(side: Side) -> None:
    _refused(side, resolve(side.patch(side.open_upload(), DATA)), b"")


@case()
def a_malformed_digest(side: Side) -> None:
    location = with_query(side.open_upload(), digest="sha256:totallywrong")
    side.expect(400, "PUT", location, [OCTETS], DATA)


@case()
def no_digest(side: Side) -> None:
    side.expect(400, "PUT", side.open_upload(), [OCTETS], DATA)


# Mounts


@case()
def a_mount(side: Side) -> None:
    digest = side.have_blob(DATA, side.other)
    response = side.expect(201, "POST", side.uploads(f"?mount={digest}&from={side.other}"))
    assert resolve(response) == side.blob(digest)
    assert response["docker-content-digest"] == digest
    _is_there(side, DATA)


@case()
def a_mount_of_what_an_image_holds(side: Side) -> None:
    """With the query encoded, as docker sends it."""
    made = image()
    side.have(made, "latest")
    digest = digest_of(made.layers[0])
    query = f"?mount={quote(digest, safe='')}&from={quote(side.name, safe='')}"
    response = side.expect(201, "POST", side.uploads(query, side.other))
    assert resolve(response) == side.blob(digest, side.other)
    _is_there(side, made.layers[0], side.other)


@case()
def a_mount_of_what_is_absent(side: Side) -> None:
    """An ordinary session instead."""
    side.have_blob(b"another", side.other)
    query = f"?mount={digest_of(DATA)}&from={side.other}"
    response = side.expect(202, "POST", side.uploads(query))
    assert resolve(response).startswith(side.uploads())
    side.is_absent(side.blob(digest_of(DATA)))
    side.close_upload(resolve(response), DATA, DATA)
    _is_there(side, DATA)


@case()
def a_mount_without_from(side: Side) -> None:
    """A session, or the blob where it can be found."""
    digest = side.have_blob(DATA, side.other)
    response = side.expect((201, 202), "POST", side.uploads(f"?mount={digest}"))
    if response.status == 202:
        side.close_upload(resolve(response), DATA, DATA)
    _is_there(side, DATA)
    response = side.expect(202, "POST", side.uploads(f"?mount={digest_of(b'hello world')}"))
    assert resolve(response).startswith(side.uploads())


@case()
def a_mount_from_a_repository_that_is_absent(side: Side) -> None:
    side.expect(202, "POST", side.uploads(f"?mount={digest_of(DATA)}&from={side.other}/none"))


# Names


@case()
def every_form_of_a_name(side: Side) -> None:
    for end in ("a", "0", "a.b", "a_b", "a__b", "a-b", "a---b", "a/b/c/d/e", "a.b_c/d__e/f--g/h.i"):
        name = f"{side.name}/{end}"
        with given():
            assert side.client.push_blob(name, b"named") == digest_of(b"named")
        assert side.get(side.blob(digest_of(b"named"), name)) == b"named"
