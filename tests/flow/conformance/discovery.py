"""Content discovery: lists of tags."""

from __future__ import annotations

import json
import re

from harness.images import image

from .case import Side, Table, is_json

TABLE = Table("tags")
case = TABLE.case

TAGS = ["12b", "7b-fp16", "7b-int4", "7b-int8", "latest", "v1", "v10", "v2"]


def _have_tags(side: Side) -> None:
    """Pushed in another order than the list's."""
    made = image()
    for tag in [*TAGS[4:], *TAGS[:4]]:
        side.have(made, tag)


def _tags(side: Side, query: str = "") -> list[str]:
    body = side.get_json(f"/v2/{side.name}/tags/list{query}")
    assert set(body) == {"name", "tags"} and body["name"] == side.name
    return body["tags"]


@case()
def all_of_them(side: Side) -> None:
    _have_tags(side)
    assert sorted(_tags(side)) == TAGS


@case(lacks="order of tags")
def in_lexical_order(side: Side) -> None:
    _have_tags(side)
    assert _tags(side) == TAGS


@case(lacks="tag paging")
def as_many_as_are_asked_for(side: Side) -> None:
    _have_tags(side)
    for size in (1, 4, 7):
        assert _tags(side, f"?n={size}") == TAGS[:size]


@case()
def no_more_than_there_are(side: Side) -> None:
    _have_tags(side)
    for size in (8, 9, 1000):
        response = side.expect(200, "GET", f"/v2/{side.name}/tags/list?n={size}")
        assert sorted(json.loads(response.body)["tags"]) == TAGS


@case(lacks="tag paging")
def none_where_none_is_asked_for(side: Side) -> None:
    """n=0: an empty list, and no Link."""
    _have_tags(side)
    response = side.expect(200, "GET", f"/v2/{side.name}/tags/list?n=0")
    assert json.loads(response.body)["tags"] == [] and response.get("link") is None


@case(lacks="tag paging")
def after_the_last_one(side: Side) -> None:
    _have_tags(side)
    for at, last in enumerate(TAGS):
        assert _tags(side, f"?last={last}") == TAGS[at + 1:]


@case(lacks="tag paging")
def page_by_page_with_last(side: Side) -> None:
    """As clients do that do not know Link."""
    _have_tags(side)
    for size in (1, 3, 4, 8):
        seen = _tags(side, f"?n={size}")
        while page := _tags(side, f"?n={size}&last={seen[-1]}"):
            assert len(page) <= size
            seen += page
        assert seen == TAGS


@case(lacks="tag paging")
def page_by_page_with_link(side: Side) -> None:
    """It is a MAY; then it leads to all of them (RFC 5988)."""
    _have_tags(side)
    for size in (1, 3, 4):
        seen: list[str] = []
        target: str | None = f"/v2/{side.name}/tags/list?n={size}"
        while target is not None:
            response = side.expect(200, "GET", target)
            page = json.loads(response.body)["tags"]
            assert 0 < len(page) <= size
            seen += page
            link = response.get("link")
            match = re.fullmatch(r'<([^>]+)>; *rel="?next"?', link) if link else None
            assert bool(match) == bool(link), link
            target = match[1] if match else None
        assert seen == TAGS


@case()
def of_a_repository_that_is_absent(side: Side) -> None:
    response = side.expect(404, "GET", f"/v2/{side.name}/tags/list")
    assert is_json(response)


@case()
def of_manifests_without_a_tag(side: Side) -> None:
    """An empty list, or a repository that is not known."""
    side.have(image())
    response = side.expect((200, 404), "GET", f"/v2/{side.name}/tags/list")
    assert response.status == 404 or not json.loads(response.body)["tags"]
