"""Who gets what: every way to a thing, for every kind of account, against the real registry.

The table is the contract (design.md, "What each request needs"). A refused cell must be the same,
status, body and fields, for something that does not exist.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from conftest import GateMaker
from harness.client import error_code
from harness.gate import is_sanitized
from harness.rawhttp import Response
from harness.registry import Registry
from matrix_operations import OPERATIONS
from matrix_world import PASSWORDS, POLICY, Cell, World

COLUMNS = {
    "owner": "who may do everything",
    "reader": "who may pull this tag",
    "sibling": "who may pull a sibling that shares layers",
    "stranger": "who may pull nothing here",
    "pusher": "who may push only",
    "maker": "who possesses it",
    "admin": "an admin",
    "expired": "an expired account",
    "disabled": "a disabled account",
    "abroad": "an account at a wrong address",
}

# A cell is the status of the answer: 401 is UNAUTHORIZED, 403 is DENIED, and 404 what the heading says;
# "none" is 200 with a list in which the thing is not. In "workshop" the account may push tags of its
# own; elsewhere only the pusher and the maker may.
#     403!   the account may know that the thing is there: what is not there may be answered otherwise
#     202=   no refusal, and still the same for what does not exist
MATRIX = """
                                       owner reader sibling stranger pusher maker admin expired disabled abroad

manifests: 404 is MANIFEST_UNKNOWN
pull by tag                            200   200    403     403      404    404   200   401     401      403
HEAD by tag                            200   200    403     403      404    404   200   401     401      403
tag that does not exist                404   404    403     403      404    404   404   401     401      403
manifest by digest                     200   200    403     403      404    200   200   401     401      403
HEAD of a manifest by digest           200   200    403     403      404    200   200   401     401      403
index by digest                        200   200    403     403      404    200   200   401     401      403
child of an index                      200   200    403     403      404    200   200   401     401      403
HEAD of a child of an index            200   200    403     403      404    200   200   401     401      403
manifest that does not exist           404   403    403     403      404    404   404   401     401      403
layer as a manifest                    404   403    403     403      404    404   404   401     401      403
JSON blob as a manifest                404   403    403     403      404    404   404   401     401      403
referrer by digest                     200   200    403     403      404    200   200   401     401      403
HEAD of a referrer by digest           200   200    403     403      404    200   200   401     401      403
fallback tag                           200   200    403     403      404    404   200   401     401      403
signature tag                          200   200    403     403      404    404   200   401     401      403

blobs: 404 is BLOB_UNKNOWN
config                                 200   200    404     404      404    200   200   401     401      403
layer                                  200   200    404     404      404    200   200   401     401      403
HEAD of a layer                        200   200    404     404      404    200   200   401     401      403
range of a layer                       206   206    404     404      404    206   206   401     401      403
layer that a sibling shares            200   200    200     404      404    200   200   401     401      403
HEAD of a layer that a sibling shares  200   200    200     404      404    200   200   401     401      403
layer of a child of an index           200   200    404     404      404    200   200   401     401      403
layer of a referrer                    200   200    404     404      404    200   200   401     401      403
blob that no tag reaches               200   404    404     404      404    200   200   401     401      403
blob that does not exist               404   404    404     404      404    404   404   401     401      403

lists
log in                                 200   200    200     200      200    200   200   401     401      403
referrers                              200   200    none=   403      403    403   200   401     401      403
referrers of what does not exist       none  none   none    403      403    403   none  401     401      403
tags/list                              200   200    none    403      403    403   200   401     401      403
catalog                                200   200    none    none     none   none  200   401     401      403

uploads: 404 is BLOB_UPLOAD_UNKNOWN
start an upload                        202   403    403     403      202    202   202   401     401      403
mount from                             201   201    202=    202=     202=   201   201   401     401      403
mount from, a shared layer             201   201    201     202=     202=   201   201   401     401      403
mount from, without push               201   403    403     403      403    403   201   401     401      403
GET to an upload of someone else       404   403    403     403      404    404   404   401     401      403
PATCH to an upload of someone else     404   403    403     403      404    404   404   401     401      403
PUT to an upload of someone else       404   403    403     403      404    404   404   401     401      403
DELETE to an upload of someone else    404   403    403     403      404    404   404   401     401      403

pushes: 404 is MANIFEST_BLOB_UNKNOWN
PUT over a tag                         201   403    403     403      403    403   201   401     401      403
PUT of a fallback tag                  201   403    403     403      403    403   201   401     401      403
PUT by digest of what is there         201   403    403     403      404    201   201   401     401      403
PUT naming a foreign layer             201   403    403     403      404    201   201   401     401      403
attach to a foreign subject            201=  403    403     403      201=   201=  201=  401     401      403
workshop: PUT naming a foreign layer   201   201    404     404      404    201   201   401     401      403
workshop: PUT naming a layer with urls 201   201    404     404      404    201   201   401     401      403
workshop: PUT naming a shared layer    201   201    201     404      404    201   201   401     401      403
workshop: PUT naming a layer as config 201   201    404     404      404    201   201   401     401      403
workshop: PUT naming a foreign child   201   201    404     404      404    201   201   401     401      403
workshop: PUT naming a foreign index   201   201    404     404      404    201   201   401     401      403
workshop: PUT naming a JSON blob       404   404    404     404      404    404   404   401     401      403
workshop: attach to a foreign subject  201=  201=   201=    201=     201=   201=  201=  401     401      403

deletes of manifests: 404 is MANIFEST_UNKNOWN
delete by tag                          202   403    403     403      403    403   202   401     401      403
delete of a fallback tag               202   403    403     403      403    403   202   401     401      403
delete by digest                       202   403!   403     403      404    403!  202   401     401      403
delete of what no tag reaches          202   403    403     403      404    202   202   401     401      403

deletes of blobs: 404 is BLOB_UNKNOWN
delete of a layer                      202   403!   404     404      404    403!  202   401     401      403
delete of a layer that no tag reaches  202   404    404     404      404    403!  202   401     401      403
"""


@dataclass(frozen=True)
class Expected:
    """A cell of the table, read."""

    operation: str
    column: str
    status: int
    code: str | None
    shown: bool
    alike: bool  # the same for what does not exist

    def __str__(self) -> str:
        answer = f"{self.status} {self.code}" if self.code else str(self.status)
        return f"{self.operation}: {COLUMNS[self.column]} gets {answer if self.shown else 'nothing'}"


def read_cell(operation: str, column: str, text: str, code_of_404: str | None) -> Expected:
    mark = text[-1] if text[-1] in "!=" else ""
    word = text.removesuffix(mark)
    status = 200 if word == "none" else int(word)
    code = {401: "UNAUTHORIZED", 403: "DENIED", 404: code_of_404}.get(status)
    assert status < 400 or code, f"{operation}: what is 404?"
    alike = mark == "=" or (status >= 400 and mark != "!")
    return Expected(operation, column, status, code, word != "none", alike)


def read_table(text: str) -> Iterator[Expected]:
    columns, *lines = [line for line in text.splitlines() if line]
    assert columns.split() == list(COLUMNS)
    code: str | None = None
    for line in lines:
        operation, *cells = line.rsplit(maxsplit=len(COLUMNS))
        if len(cells) < len(COLUMNS):  # a heading
            code = line.partition("404 is ")[2] or None
            continue
        for column, cell in zip(COLUMNS, cells):
            yield read_cell(operation.strip(), column, cell, code)


CELLS = list(read_table(MATRIX))


@pytest.fixture(scope="module")
def world(make_module_gate: GateMaker, registry: Registry) -> Iterator[World]:
    with World(make_module_gate(registry.url, POLICY, PASSWORDS), registry) as world:
        yield world


def check_form(response: Response, code: str | None, method_has_body: bool) -> None:
    """What every answer of its kind looks like on the wire."""
    if code is not None and method_has_body:
        assert error_code(response) == code
    challenge = response.get("www-authenticate")
    assert challenge == ('Basic realm="Layergate"' if response.status == 401 else None)
    assert response["docker-distribution-api-version"] == "registry/2.0"


def test_the_table_and_the_operations_are_the_same_rows() -> None:
    assert {cell.operation for cell in CELLS} == set(OPERATIONS)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_cell(world: World, cell: Expected) -> None:
    ask = OPERATIONS[cell.operation]
    with Cell(world, cell.column) as at:
        response = ask(at)
        told = at.told(response)
    assert response.status == cell.status, response
    assert at.shown == cell.shown, response
    check_form(response, cell.code, not cell.operation.startswith("HEAD"))
    if cell.alike:
        with Cell(world, cell.column, exists=False) as at:
            assert at.told(ask(at)) == told, "tells whether the thing exists"


# Cells that are alike, one for each way to decide. The first ones need nothing of the registry.
UNASKED = [
    ("pull by tag", "stranger"),
    ("pull by tag", "pusher"),
    ("fallback tag", "sibling"),
    ("manifest by digest", "sibling"),
    ("manifest by digest", "pusher"),
    ("child of an index", "sibling"),
    ("JSON blob as a manifest", "pusher"),
    ("layer", "sibling"),
    ("layer", "pusher"),
    ("referrers", "sibling"),
    ("tags/list", "stranger"),
]
TIMED = [
    *UNASKED,
    ("mount from", "sibling"),
    ("PATCH to an upload of someone else", "pusher"),
    ("workshop: PUT naming a foreign layer", "sibling"),
    ("workshop: PUT naming a foreign child", "sibling"),
    ("delete by digest", "sibling"),
    ("delete of a layer", "sibling"),
]


@pytest.mark.parametrize("operation, column", UNASKED)
def test_the_registry_is_not_asked(
    world: World, registry: Registry, operation: str, column: str
) -> None:
    """A request upstream would tell by its time, and be a way to keep the registry busy."""

    def asked() -> int:
        # Not the gate's own GET /v2/, by which it knows that the registry is there.
        return len(re.findall(r'response completed .* http\.request\.uri="?/v2/[^ ]',
                              registry.process.log_text()))

    for exists in (True, False):
        with Cell(world, column, exists) as at:
            before = asked()
            OPERATIONS[operation](at)
            assert asked() == before


def medians(world: World, operation: str, column: str) -> tuple[float, float]:
    """Seconds for what exists and for what does not, 100 of each in turn."""
    ask, seconds = OPERATIONS[operation], {True: [], False: []}
    with Cell(world, column) as there, Cell(world, column, exists=False) as absent:
        for _ in range(100):
            for at in (there, absent):
                ask(at)
                seconds[at.exists].append(at.seconds)
    return statistics.median(seconds[True]), statistics.median(seconds[False])


@pytest.mark.skipif(is_sanitized(), reason="times mean nothing under a sanitizer")
@pytest.mark.parametrize("operation, column", TIMED)
def test_the_time_does_not_tell_either(world: World, operation: str, column: str) -> None:
    """What costs a request upstream, or a walk through what a tag reaches, takes longer than what is
    decided at once. Loose, and three attempts: other work on the machine is no finding."""
    measured = []
    for _ in range(3):
        measured.append(medians(world, operation, column))
        fast, slow = sorted(measured[-1])
        if slow < 3 * fast + 0.001:
            return
    pytest.fail(f"seconds for what exists and what does not: {measured}")
