"""What the feed refuses, and how it tells it: ``{"error": <code>, "message": <text>}`` (contracts/incidents.md 0.6)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.feeding import BREACH, DESCRIPTION, FEED, FIGURES, TITLE, FeedClient, feed_client, ids_of

UNKNOWN, ANOTHER = f"inc_{'0' * 26}", f"inc_{'1' * 26}"

#: Every operation: its method, its path with ``{id}`` for an incident, and a body that it takes.
OPERATIONS: dict[str, tuple[str, str, Any]] = {
    "list": ("GET", FEED, None),
    "create": ("POST", FEED, {"title": TITLE, "description": DESCRIPTION}),
    "create in chat": ("POST", f"{FEED}/chat", {"title": TITLE, "description": DESCRIPTION}),
    "get": ("GET", f"{FEED}/{{id}}", None),
    "move": ("PATCH", f"{FEED}/{{id}}", {"status": "closed"}),
    "rate": ("PATCH", f"{FEED}/{{id}}/severity", {"severity": "high"}),
    "history": ("GET", f"{FEED}/{{id}}/history", None),
    "merge": ("POST", f"{FEED}/{{id}}/merge", {"into": ANOTHER}),
    "figures": ("GET", FIGURES, None),
}
WRITES = {name: operation for name, operation in OPERATIONS.items() if operation[2] is not None}
OF_ONE = {name: operation for name, operation in OPERATIONS.items() if "{id}" in operation[1]}

#: They count down, or follow the clock.
VARYING = {"x-ratelimit-remaining", "x-ratelimit-reset", "annals-position", "x-request-id"}


@pytest.fixture(scope="module")
async def feed(shared_database: str) -> AsyncIterator[FeedClient]:
    async with feed_client(shared_database) as client:
        yield client


#: Query strings that the list cannot read, and what is said of them.
UNREADABLE: list[tuple[str, str]] = [
    ("severity=info", "severity must be one of critical, high, medium, low"),
    ("severity=Critical", "severity must be one of critical, high, medium, low"),
    ("severity=", "severity must be a text of 1 to 2048 characters"),
    ("severity=high&severity=high", "severity must be given once"),
    ("severity=" + "x" * 3000, "severity must be a text of 1 to 2048 characters"),
    ("status=acknowledged", "status must be one of open, triaging, investigating, awaiting_approval, remediating"),
    ("status=open,closed", "status must be one of"),
    ("status=%00", "status must be a text of"),
    ("status=open%0D%0AX-Evil:%201", "status must be a text of"),
    ("sort=updatedAt", "sort must be one of createdAt"),
    ("sort=-createdAt", "sort must be one of createdAt"),
    ("order=up", "order must be one of desc, asc"),
    ("order=DESC", "order must be one of desc, asc"),
    ("limit=0", "limit must be a whole number from 1 to 100"),
    ("limit=101", "limit must be a whole number from 1 to 100"),
    ("limit=-1", "limit must be a whole number from 1 to 100"),
    ("limit=1.0", "limit must be a whole number from 1 to 100"),
    ("limit=1e1", "limit must be a whole number from 1 to 100"),
    ("limit=%D9%A3", "limit must be a whole number from 1 to 100"),
    ("limit=" + "9" * 400, "limit must be a whole number from 1 to 100"),
    ("limit=ten", "limit must be a whole number from 1 to 100"),
    ("limit=", "limit must be a text of"),
    ("limit=5&limit=5", "limit must be given once"),
    ("cursor=", "cursor must be a text of"),
    ("cursor=x", "cursor was not made for this list"),
    ("cursor=" + "A" * 80, "cursor was not made for this list"),
    ("cursor=" + "A" * 5000, "cursor must be a text of"),
    ("cursor=%F0%9F%92%A3", "cursor was not made for this list"),
    ("cursor=%ff", "cursor was not made for this list"),
    ("cursor=' or 1=1 --", "cursor was not made for this list"),
]


async def test_a_parameter_that_cannot_be_read_is_refused_and_named(feed: FeedClient) -> None:
    for query, reason in UNREADABLE:
        status, code, message = await feed.error("GET", f"{FEED}?{query}")
        assert (status, code) == (400, "validation_error"), query
        assert message.startswith(reason), (query, message)
        assert len(message) < 300


async def test_a_parameter_that_nobody_knows_is_passed_over(feed: FeedClient) -> None:
    incident = await feed.opened(BREACH)
    page = await feed.page("page=7&tenant=rival")
    assert ids_of(page)[0] == incident
    assert page == await feed.page()


#: Bodies that are none of any operation.
HOSTILE: list[bytes] = [
    b"",
    b" ",
    b"null",
    b"[]",
    b"{",
    b'"open"',
    b"7",
    b"\xff\xfe",
    b"\x00",
    b'{"status": "open"',
    b"{'status': 'open'}",
    b'{"status": "\\ud800"}',
    b'{"title": "\\ud800\\ud800", "description": "\\ud800 is no character at all"}',
    b'{"status": NaN}',
    b'{"status": ["closed"]}',
    b'{"into": {"id": 1}}',
    b'{"admin": true}',
    b'{"__proto__": {}}',
    b"[" * 100_000,
    b'{"status":' * 100_000,
    b'{"title": "' + b"x" * 1_100_000 + b'"}',
]


async def test_a_body_that_is_none_of_the_operations_is_refused_and_nothing_is_stored(feed: FeedClient) -> None:
    incident = await feed.opened(BREACH)
    before = await feed.page()
    for name, (method, path, _) in WRITES.items():
        for body in HOSTILE:
            status, code, message = await feed.error(method, path.format(id=incident), body)
            assert (status, code) == (400, "validation_error"), (name, body[:40])
            assert 0 < len(message) < 300
    assert len(await feed.history(incident)) == 1
    assert await feed.page() == before


@pytest.mark.parametrize("agents", [["a\0"], [""], ["x" * 101], ["x"] * 101, [7], "x", None])
async def test_agents_that_are_suggested_are_names_though_nobody_is_assigned(feed: FeedClient, agents: Any) -> None:
    body, before = {"title": TITLE, "description": DESCRIPTION, "suggestedAgents": agents}, await feed.page()
    for path in (FEED, f"{FEED}/chat"):
        status, code, message = await feed.error("POST", path, body)
        assert (status, code) == (400, "validation_error")
        assert "suggestedAgents" in message
    assert await feed.page() == before


async def test_a_body_of_another_media_type_is_not_read(feed: FeedClient) -> None:
    incident = await feed.opened(BREACH)
    for method, path, body in WRITES.values():
        refused = await feed.error(method, path.format(id=incident), body, Content_Type="text/plain")
        assert refused == (415, "validation_error", "media type text/plain is not supported")


async def test_without_a_credential_every_operation_is_refused(feed: FeedClient) -> None:
    for method, path, body in OPERATIONS.values():
        for credential in ("", "nobody", "Bearer ann_X_0", "Basic !!", "Digest x"):
            answer = await feed.call(method, path.format(id=UNKNOWN), body, Authorization=credential)
            assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized"), (path, credential)
            assert answer.headers["content-type"] == "application/json"
            assert "Bearer" in answer.headers["WWW-Authenticate"]


ROLES = {"viewer": False, "auditor": False, "worker": False, "operator": True, "admin": True, "owner": True}


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_reads_and_operators_and_those_above_write(feed: FeedClient, role: str) -> None:
    key = await feed.key(role)
    into = await feed.opened(BREACH)
    for name, (method, path, body) in OPERATIONS.items():
        incident = await feed.opened(BREACH)
        sent = {"into": into} if name == "merge" else body
        answer = await feed.call(method, path.format(id=incident), sent, Authorization=key)
        if name not in WRITES or ROLES[role]:
            assert answer.is_success, (name, answer.text)
        else:
            told = {"error": "forbidden", "message": f"role {role} does not allow this"}
            assert (answer.status_code, answer.json()) == (403, told), name
            assert len(await feed.history(incident)) == 1


#: What stands in paths where an id goes, and is none.
NO_IDS = (
    "x",
    "inc_",
    "inc_0",
    "0" * 26,
    f"inc_{'0' * 25}I",
    f"inc_{'0' * 25}o",
    f"INC_{'0' * 26}",
    f"inc_{'0' * 27}",
    "inc_%00",
    "%F0%9F%92%A3",
    "%ff",
    "..%2f..%2fetc",
    "' or 1=1 --",
    "inc_" + "0" * 4000,
)


async def test_what_is_no_id_is_answered_like_one_that_nobody_knows(feed: FeedClient) -> None:
    for name, (method, path, body) in OF_ONE.items():
        known = await feed.call(method, path.format(id=UNKNOWN), body)
        told = {"error": "incident_not_found", "message": f"incident {UNKNOWN} could not be found"}
        assert (known.status_code, known.json()) == (404, told), name
        for text in NO_IDS:
            answer = await feed.call(method, path.format(id=text), body)
            if "%2f" in text:
                assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
                continue
            assert (answer.status_code, answer.json()["error"]) == (404, "incident_not_found"), (name, text)


async def test_a_body_is_looked_at_before_the_id_whether_that_is_one_or_not(feed: FeedClient) -> None:
    for name, (method, path, _) in WRITES.items():
        if name in OF_ONE:
            for incident in (UNKNOWN, "x", await feed.opened(BREACH)):
                assert (await feed.error(method, path.format(id=incident), {}))[0] == 400


async def test_another_tenants_incident_is_answered_exactly_like_one_that_nobody_knows(feed: FeedClient) -> None:
    rival = await feed.tenant("rival")
    own = await feed.opened(BREACH, tenant="rival")
    foreign = {"open": await feed.opened(BREACH), "closed": await feed.opened(BREACH)}
    await feed.moved(foreign["closed"], "closed")
    bodies = {"move": [{"status": word} for word in ("open", "resolved", "nonsense")], "rate": [{"severity": "low"}]}
    for name, (method, path, body) in OF_ONE.items():
        for sent in [body, *bodies.get(name, [])]:
            unknown = await feed.call(method, path.format(id=UNKNOWN), sent, Authorization=rival)
            for incident in foreign.values():
                theirs = await feed.call(method, path.format(id=incident), sent, Authorization=rival)
                assert theirs.status_code == unknown.status_code
                assert theirs.text.replace(incident, UNKNOWN) == unknown.text
                assert _steady(theirs.headers) == _steady(unknown.headers)
    for incident in foreign.values():
        merges = [
            await feed.call("POST", f"{FEED}/{own}/merge", {"into": into}, Authorization=rival)
            for into in (incident, UNKNOWN)
        ]
        assert merges[0].text.replace(incident, UNKNOWN) == merges[1].text
        assert merges[0].status_code == merges[1].status_code == 404
    assert ids_of(await feed.page("", Authorization=rival)) == [own]
    assert len(await feed.history(foreign["open"])) == 1


def _steady(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in VARYING}


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v1/", "/v1/nope", f"{FEED}/", f"{FEED}/x/y", f"{FEED}/x/history/1", "/v1/analytics", f"{FIGURES}/"],
)
async def test_unknown_paths_are_told_in_the_form_of_the_feed(feed: FeedClient, path: str) -> None:
    refused = await feed.error("GET", path)
    assert refused == (404, "not_found", f"nothing is served at {path}")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", FEED, "GET, OPTIONS, POST"),
        ("PUT", f"{FEED}/{UNKNOWN}", "GET, OPTIONS, PATCH"),
        ("GET", f"{FEED}/chat", "OPTIONS, POST"),
        ("GET", f"{FEED}/{UNKNOWN}/merge", "OPTIONS, POST"),
        ("POST", f"{FEED}/{UNKNOWN}/history", "GET, OPTIONS"),
        ("POST", FIGURES, "GET, OPTIONS"),
    ],
)
async def test_a_known_path_with_another_method_says_which_are_allowed(
    feed: FeedClient, method: str, path: str, allowed: str
) -> None:
    answer = await feed.call(method, path)
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed
