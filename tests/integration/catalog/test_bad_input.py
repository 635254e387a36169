"""Whatever is sent: a documented problem with a stable code, nothing half done, no 500."""

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from services.catalog import contact_problems, directory_problems
from services.catalog.http import endpoints
from services.catalog.problems import PROBLEMS
from services.catalog.search_live import Live
from shared.kernel.files import Files
from shared.kernel.identity import Identity, Signer
from shared.kernel.journal import Journal
from shared.kernel.openapi import problem_codes
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault
from tests.integration.catalog.conftest import Client, body

MEMBER = Identity("0190a000-0000-7000-8000-000000000002", frozenset({"reader", "member"}), None, "session")


@pytest.fixture(autouse=True)
async def nothing_is_recorded(journal: Journal) -> AsyncIterator[None]:
    """Each test here ends as many events later as it began, but for those that a draft of its own made."""
    before = await journal.head()
    yield
    written = await journal.read(before, 100)
    assert {type(each.event).__name__ for each in written} <= {"ProjectDrafted", "ProjectArchived"}


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 415, "unsupported_media_type"),
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b'{"title": NaN}', 400, "malformed_json"),
        (b"[]", 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
        (b"{}", 422, "invalid_request"),
    ],
)
async def test_what_is_no_project_is_refused(editor: Client, raw: bytes, status: int, code: str) -> None:
    headers = {"Content-Type": "application/json"} if raw else {"Content-Type": "text/plain"}
    refused = await editor.call("POST", "/projects", data=raw, headers=headers)
    assert (refused.status, refused.code) == (status, code)
    assert refused.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": 7}, "/title"),
        ({"title": ""}, "/title"),
        ({"title": None}, "/title"),
        ({"title": "x" * 301}, "/title"),
        ({"title": "Bau\0hof"}, "/title"),
        ({"title": "Bau\nhof"}, "/title"),
        ({"colour": "green"}, "/colour"),
        ({"topics": "works_depot"}, "/topics"),
        ({"topics": [7]}, "/topics/0"),
        ({"stage": "umgesetzt"}, "/stage"),
        ({"legal_form": "handshake"}, "/legal_form"),
        ({"participations_complete": "yes"}, "/participations_complete"),
        ({"participations": [{}]}, "/participations/0"),
        ({"participations": [{"ags": "0537402"}]}, "/participations/0/ags"),
        ({"participations": [{"organisation_id": "Morsbach"}]}, "/participations/0/organisation_id"),
        ({"participations": [{"ags": "05374028", "role": "king"}]}, "/participations/0/role"),
        ({"start": "2021-02-30"}, "/start"),
        ({"effects": [{"kind": "cost_saving", "value": 18}]}, "/effects/0"),
        ({"effects": [{"kind": "cost_saving", "value": "18", "unit": "percent"}]}, "/effects/0/value"),
        ({"effects": [{"kind": "cost_saving", "value": 10**19, "unit": "eur"}]}, "/effects/0/value"),
        ({"effects": [{"kind": "cost_saving", "value": -1e300, "unit": "eur"}]}, "/effects/0/value"),
        ({"funding": [{"programme": "IKZ", "amount_eur": 10**19}]}, "/funding/0/amount_eur"),
        ({"components": [{"name": "App", "link": "javascript:alert(1)"}]}, "/components/0/link"),
        ({"components": [{"name": "App", "link": "https://lemgo.de@angreifer.example/"}]}, "/components/0/link"),
        ({"contacts": [{"function": "Bauamt", "email": "a@b.de"}]}, "/contacts/0/email"),
        ({"keywords": ["Wort"] * 51}, "/keywords"),
        ({"predecessor": "nothing"}, "/predecessor"),
    ],
)
async def test_a_wrong_field_is_named(editor: Client, fields: dict[str, Any], field: str) -> None:
    refused = await editor.post("/projects", body(**fields))
    assert (refused.status, refused.code) == (422, "invalid_request")
    named = [error["field"] for error in refused.body["errors"]]
    assert any(name.startswith(field) for name in named), named
    assert all(error["detail"] for error in refused.body["errors"])


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"topics": ["works_depot", "astrology"]}, "unknown_topic", "/topics/1"),
        ({"topics": ["bauhof"]}, "unknown_topic", "/topics/0"),
        ({"participations": [{"ags": "05999999"}]}, "unknown_organisation", "/participations/0"),
        ({"participations": [{"organisation_id": str(uuid4())}]}, "unknown_organisation", "/participations/0"),
        ({"contacts": [{"organisation_id": str(uuid4())}]}, "unknown_organisation", "/contacts/0/organisation_id"),
        ({"predecessor": str(uuid4())}, "unknown_predecessor", "/predecessor"),
        ({"topics": ["culture", "health", "mobility", "waste"]}, "too_many_topics", "/topics"),
        ({"topics": ["culture", "culture"]}, "topic_twice", "/topics/1"),
        ({"participations": [{"ags": "05374028"}, {"ags": "05374028"}]}, "participation_twice", "/participations/1"),
        (
            {"contacts": [{"organisation_name": "Bauhof", "note": "<i>bauhof@gemeinde.example</i>"}]},
            "address_in_contact",
            "/contacts/0/note",
        ),
    ],
)
async def test_a_rule_refuses(editor: Client, fields: dict[str, Any], code: str, field: str) -> None:
    refused = await editor.post("/projects", body(**fields))
    assert (refused.status, refused.code) == (409, code)
    assert [error["field"] for error in refused.body["errors"]] == [field]
    assert refused.body["title"]
    assert refused.body["detail"]


async def test_an_unknown_reference_is_named(editor: Client) -> None:
    refused = await editor.post("/projects", body(topics=["works_depot", "astrology"]))
    assert [error["field"] for error in refused.body["errors"]] == ["/topics/1"]
    refused = await editor.post("/projects", body(participations=[{"ags": "05374028"}, {"ags": "05999999"}]))
    assert [error["field"] for error in refused.body["errors"]] == ["/participations/1"]


async def test_id_and_key_of_different_organisations_are_nobody(editor: Client) -> None:
    lemgo = (await editor.get("/organisations/05766044")).body["id"]
    refused = await editor.post("/projects", body(participations=[{"ags": "05374028", "organisation_id": lemgo}]))
    assert refused.code == "unknown_organisation"


@pytest.mark.parametrize(
    "project_id", ["1", "nothing", "019b0000-0000-7000-8000-00000000dead", "0190A000-0000-7000-8000-00000000000g"]
)
@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", "", None),
        ("PUT", "", body()),
        ("POST", "/submissions", None),
        ("POST", "/returns", {"reason": "Nein."}),
        ("POST", "/publications", None),
        ("POST", "/revisions", None),
        ("POST", "/revisions", body()),
        ("POST", "/best-practice-awards", {"occasion": "Jahrestagung", "awarded_on": "2026-05-20"}),
        ("POST", "/archivals", None),
    ],
)
async def test_an_id_that_is_none_is_not_found(
    editor: Client, project_id: str, method: str, path: str, content: dict[str, Any] | None
) -> None:
    options: dict[str, Any] = {} if content is None else {"json": content}
    headers = {"If-Match": '"1"'} if method == "PUT" else {}
    refused = await editor.call(method, f"/projects/{project_id}{path}", headers=headers, **options)
    assert (refused.status, refused.code) in {(404, "not_found"), (412, "stale_version")}
    assert refused.code == "not_found" or method == "PUT"


async def test_an_id_in_capitals_is_the_same_id(editor: Client) -> None:
    lemgo = (await editor.get("/organisations/05766044")).body["id"]
    project_id = await editor.draft(participations=[{"organisation_id": lemgo.upper()}])
    (participation,) = (await editor.get(f"/projects/{project_id.upper()}")).body["participations"]
    assert participation["organisation_id"] == lemgo


async def test_a_change_names_what_it_changes(editor: Client) -> None:
    project_id = await editor.draft()
    missing = await editor.put(f"/projects/{project_id}", body())
    assert (missing.status, missing.code) == (428, "precondition_required")
    stale = await editor.put(f"/projects/{project_id}", body(), version=7)
    assert (stale.status, stale.code) == (412, "stale_version")
    no_tag = await editor.call("PUT", f"/projects/{project_id}", headers={"If-Match": "seven"}, json=body())
    assert (no_tag.status, no_tag.code) == (400, "bad_request")


async def test_the_same_key_answers_the_same_and_never_something_else(editor: Client, journal: Journal) -> None:
    key, content = str(uuid4()), body()
    first = await editor.post("/projects", content, key)
    second = await editor.post("/projects", content, key)
    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    other = await editor.post("/projects", body(), key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    elsewhere = await editor.post(f"/projects/{first.body['id']}/submissions", key=key)
    assert (elsewhere.status, elsewhere.code) == (422, "idempotency_key_reused")
    words = await editor.post("/projects", content, "Bauhof, zweiter Versuch")
    assert words.status == 201
    assert words.body["id"] != first.body["id"]


async def test_a_command_that_does_not_fit_the_state_is_refused(editor: Client) -> None:
    project_id = await editor.draft(summary=None)
    for step, content, code in (
        ("publications", None, "project_not_submitted"),
        ("returns", {"reason": "Nein."}, "project_not_submitted"),
        ("revisions", None, "project_not_published"),
        ("revisions", body(), "project_not_published"),
    ):
        refused = await editor.post(f"/projects/{project_id}/{step}", content)
        assert (refused.status, refused.code) == (409, code), step


async def test_a_body_where_none_belongs_is_refused(editor: Client) -> None:
    project_id = await editor.draft()
    refused = await editor.post(f"/projects/{project_id}/submissions", {"now": True})
    assert refused.status == 422


async def test_fifty_megabytes_are_too_much(editor: Client) -> None:
    async def flood() -> AsyncIterator[bytes]:
        yield b'{"title": "'
        for _ in range(50):
            yield b"x" * 1024 * 1024
        yield b'"}'

    for data in (flood(), BytesIO(b"x" * 50 * 1024 * 1024)):
        refused = await editor.call("POST", "/projects", data=data, headers={"Content-Type": "application/json"})
        assert (refused.status, refused.code) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/projects", {"limit": "0"}),
        ("/projects", {"limit": "101"}),
        ("/projects", {"limit": "many"}),
        ("/projects", {"cursor": "nonsense"}),
        ("/projects", {"cursor": "WzEsMl0"}),
        ("/projects", {"sort": "colour"}),
        ("/projects", {"stage": "umgesetzt"}),
        ("/projects", {"district": "Soest"}),
        ("/projects", {"colour": "green"}),
        ("/projects", {"q": "x" * 1_000}),
        ("/projects", {"q": "a\0b"}),
        ("/projects", {"best_practice": "perhaps"}),
        ("/projects", {"min_position": "-1"}),
        ("/projects/facets", {"limit": "5"}),
        ("/projects/suggest", {}),
        ("/organisations", {"ags": "1"}),
        ("/organisations", {"type": "kingdom"}),
        ("/organisations", {"cursor": "nonsense"}),
        ("/topics", {"limit": "0"}),
        ("/topics", {"cursor": "nonsense"}),
        ("/resources", {"kind": "song"}),
        ("/resources", {"cursor": "nonsense"}),
        ("/key-figures", {"cursor": "nonsense"}),
        ("/vocabularies", {"q": "x"}),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(reader: Client, path: str, query: dict[str, str]) -> None:
    refused = await reader.get(path, **query)
    assert (refused.status, refused.code) == (422, "invalid_query")
    assert refused.body["errors"]


async def test_a_cursor_belongs_to_its_query(reader: Client) -> None:
    cursor = (await reader.get("/projects", limit=2, q="gesundheit")).body["next"]
    cursor = cursor or (await reader.get("/projects", limit=2)).body["next"]
    refused = await reader.get("/projects", cursor=cursor, sort="title")
    assert (refused.status, refused.code) == (422, "invalid_query")


@pytest.mark.parametrize(
    "q", ["!!!", "   ", "&|!():*<->", "'; DROP TABLE topic; --", "\\", '"', "%_%", "*", "-", "ß", "№", "10 ㎡ ™", "™"]
)
async def test_any_words_can_be_searched_for(reader: Client, q: str) -> None:
    for path in ("/projects", "/projects/facets", "/projects/suggest", "/organisations"):
        assert (await reader.get(path, q=q)).status == 200


async def test_readers_change_nothing(session: tuple[ClientSession, Signer], reader: Client, editor: Client) -> None:
    project_id = await editor.draft()
    member = Client(*session, MEMBER)
    for who, status, code in ((reader, 401, "unauthenticated"), (member, 403, "forbidden")):
        for path, content in (
            ("/projects", body()),
            (f"/projects/{project_id}/submissions", None),
            (f"/projects/{project_id}/archivals", None),
            ("/topics/culture/renamings", {"label": "Kunst"}),
        ):
            refused = await who.post(path, content)
            assert (refused.status, refused.code) == (status, code), path
        refused = await who.put(f"/projects/{project_id}", body(), 1)
        assert (refused.status, refused.code) == (status, code)


@pytest.mark.parametrize("status", [["drafted"], ["published", "archived"]])
@pytest.mark.parametrize("path", ["/projects", "/projects/facets"])
async def test_drafts_are_for_those_who_signed_in_as_editors(
    session: tuple[ClientSession, Signer], reader: Client, editor: Client, path: str, status: list[str]
) -> None:
    assert (await editor.get(path, status=status)).status == 200
    for who, expected, code in ((reader, 401, "unauthenticated"), (Client(*session, MEMBER), 403, "forbidden")):
        refused = await who.get(path, status=status)
        assert (refused.status, refused.code) == (expected, code)


async def test_whom_the_gateway_did_not_sign_gets_nothing(session: tuple[ClientSession, Signer]) -> None:
    client, _ = session
    for headers in ({}, {"Ikz-Identity": "eyJhbGciOiJub25lIn0.e30."}):
        async with client.get("/api/v1/projects", headers=headers) as answer:
            assert answer.status == 401
            assert (await answer.json())["code"] == "unauthenticated"


async def test_another_method_is_not_allowed(editor: Client) -> None:
    refused = await editor.call("DELETE", "/projects")
    assert (refused.status, refused.code) == (405, "method_not_allowed")


async def test_every_code_is_documented(journal: Journal, pool: Pool, live: Live, files: Files, vault: Vault) -> None:
    offered = endpoints(journal, pool, live, files, vault)
    documented = {code for endpoint in offered for code in problem_codes(endpoint)}
    by_no_client = {  # ids are made here, and what is noted of an import is noted by the clock
        "project_exists",
        "undertaking_exists",
        "step_exists",
        "cooperation_request_exists",
        "import_exists",
        "import_not_running",
    }
    known = {*PROBLEMS, *directory_problems.PROBLEMS, *contact_problems.PROBLEMS}
    assert known - documented == by_no_client
