"""Credentials, roles and the memory of callers, in front of a small application of its own."""

import asyncio
import base64
import time
from collections.abc import Callable
from typing import Any

import pytest
from litestar import Litestar, Request, get, post
from litestar.exceptions import ImproperlyConfiguredException
from litestar.testing import AsyncTestClient

from api import identity
from api.credentials import Credential, credentials_in, header_of, token_in
from api.identity import ADMINISTRATION, ANALYTICS, DEPLOYMENT, PUBLIC, READ, READINESS, WORK, Access, Caller, Identity
from api.problems import PROBLEM_JSON, error_handler
from domain.access.events import Role
from domain.access.roles import ROLES

KEY = "ann_K1_secret"


def caller(role: Role = "owner", tenant: str = "default", entitlements: tuple[str, ...] = ()) -> Caller:
    return Caller(tenant, role, "K1", "ops", frozenset(entitlements))


class Keys:
    """The keys of a deployment in memory, counting how often it is asked."""

    def __init__(self, **holders: Caller) -> None:
        self.holders = holders
        self.asked = 0

    async def holder(self, key: str) -> Caller | None:
        self.asked += 1
        await asyncio.sleep(0)
        return self.holders.get(key)


ROUTES: dict[str, Access] = {
    "/readiness": READINESS,
    "/public": PUBLIC,
    "/read": READ,
    "/analytics": ANALYTICS,
    "/work": WORK,
    "/keys": ADMINISTRATION,
    "/tenants": DEPLOYMENT,
}


def application(keys: identity.KeyRing, now: Callable[[], float] = time.monotonic) -> Litestar:
    def handler(path: str, access: Access) -> Any:
        @get(path, opt={"access": access}, name=path)
        async def answer(request: Request[Caller | None, Any, Any]) -> dict[str, str | None]:
            return {"key": request.user.key_id if request.user else None}

        return answer

    return Litestar(
        [handler(path, access) for path, access in ROUTES.items()],
        plugins=[Identity(keys, now)],
        exception_handlers={Exception: error_handler(lambda _path: PROBLEM_JSON)},
        openapi_config=None,
    )


async def statuses(keys: identity.KeyRing, header: str, *paths: str) -> list[int]:
    async with AsyncTestClient(application(keys)) as client:
        return [(await client.get(path, headers={"Authorization": header})).status_code for path in paths]


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer  {KEY}"},
        {"Authorization": f"Basic {in_base64(f'K1:{KEY}')}"},
        {"Authorization": KEY},
        {"Authorization": in_base64(f"K1:{KEY}")},
        {"X-API-Key": KEY},
    ],
    ids=str,
)
async def test_every_form_of_a_credential_opens_the_door(headers: dict[str, str]) -> None:
    async with AsyncTestClient(application(Keys(**{KEY: caller()}))) as client:
        answer = await client.get("/read", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"key": "K1"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer ann_K1_other"},
        {"Authorization": f"Token {KEY}"},
        {"Authorization": f"Basic {in_base64(KEY)}"},
        {"Authorization": f"Basic {in_base64(f'K2:{KEY}')}"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Basic %%%"},
        {"Authorization": in_base64(f"K2:{KEY}")},
        {"Authorization": "Bearer nobody", "X-API-Key": KEY},
        {"X-API-Key": "ann_K1_other"},
        {"X-API-Key": f"Bearer {KEY}"},
        {"Authorization": "Bearer " + "x" * 100_000},
        {"Authorization": b"\xff\xfe\x00"},
    ],
    ids=lambda headers: str(headers)[:60],
)
async def test_every_other_credential_is_answered_401_with_a_challenge(headers: dict[Any, Any]) -> None:
    sent = {name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in headers.items()}
    async with AsyncTestClient(application(Keys(**{KEY: caller()}))) as client:
        answer = await client.get("/read", headers=sent)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_readiness_is_open_as_long_as_it_is_asked_plainly() -> None:
    async with AsyncTestClient(application(Keys())) as client:
        assert [(await client.get(path)).status_code for path in ("/readiness", "/public", "/public?x=1")] == [200] * 3
        assert (await client.get("/readiness?x=1")).status_code == 401


READS, WORKS, ADMINISTERS, DEPLOYS = ["/read"], ["/work"], ["/keys"], ["/tenants"]


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", READS),
        ("auditor", READS),
        ("worker", READS + WORKS),
        ("operator", READS + WORKS),
        ("admin", READS + WORKS + ADMINISTERS),
        ("owner", READS + WORKS + ADMINISTERS + DEPLOYS),
    ],
)
async def test_a_role_opens_what_it_is_for_and_nothing_else(role: Role, allowed: list[str]) -> None:
    doors = READS + WORKS + ADMINISTERS + DEPLOYS
    found = await statuses(Keys(**{KEY: caller(role)}), KEY, *doors)
    assert found == [200 if door in allowed else 403 for door in doors]


def test_the_matrix_of_roles_is_complete() -> None:
    assert set(ROLES) == {"viewer", "auditor", "worker", "operator", "admin", "owner"}


async def test_the_deployment_is_run_by_owners_of_the_default_tenant_alone() -> None:
    assert await statuses(Keys(**{KEY: caller("owner", "acme")}), KEY, "/tenants", "/keys") == [403, 200]


async def test_analytics_needs_the_entitlement_of_the_plan() -> None:
    assert await statuses(Keys(**{KEY: caller("owner")}), KEY, "/analytics") == [403]
    assert await statuses(Keys(**{KEY: caller("viewer", "acme", ("analytics",))}), KEY, "/analytics") == [200]


def test_a_route_that_declares_no_access_fails_at_start() -> None:
    @post("/planted")
    async def planted() -> None:
        return None

    with pytest.raises(ImproperlyConfiguredException, match="/planted declares no access"):
        Litestar([planted], plugins=[Identity(Keys())], openapi_config=None)


class Clock:
    """Time as the door sees it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_caller_is_looked_up_once_and_in_use_renewed_beside_the_requests() -> None:
    keys, clock = Keys(**{KEY: caller()}), Clock()
    async with AsyncTestClient(application(keys, clock)) as client:
        client.headers["Authorization"] = KEY
        for moment, asked in ((0.0, 1), (0.3, 1), (0.5, 2), (0.6, 2), (5.0, 3)):
            clock.now = 1000 + moment
            assert (await client.get("/read")).status_code == 200
            await asyncio.sleep(0.01)  # the renewal runs beside the request
            assert keys.asked == asked, moment


async def test_a_revoked_key_is_refused_within_a_second_even_while_it_is_in_use() -> None:
    keys, clock = Keys(**{KEY: caller()}), Clock()
    async with AsyncTestClient(application(keys, clock)) as client:
        client.headers["Authorization"] = KEY
        assert (await client.get("/read")).status_code == 200
        keys.holders.clear()
        for moment in (0.2, 0.5, 0.9, 0.99):
            clock.now = 1000 + moment
            last = (await client.get("/read")).status_code
    assert last == 401


async def test_what_this_process_changed_counts_at_once() -> None:
    keys = Keys(**{KEY: caller()})
    door = Identity(keys)
    assert await door._caller(KEY.encode())
    keys.holders.clear()
    assert await door._caller(KEY.encode())
    door.forget()
    assert await door._caller(KEY.encode()) is None


async def test_a_look_up_that_began_before_a_change_is_not_remembered_after_it() -> None:
    keys = Keys(**{KEY: caller()})
    door = Identity(keys)
    before = asyncio.create_task(door._caller(KEY.encode()))
    await asyncio.sleep(0)
    door.forget()
    await before
    assert not door._callers


async def test_of_many_requests_at_once_one_asks() -> None:
    keys = Keys(**{KEY: caller()})
    door = Identity(keys)
    found = await asyncio.gather(*(door._caller(KEY.encode()) for _ in range(50)))
    assert (len(set(found)), keys.asked) == (1, 1)


async def test_strangers_are_remembered_too_and_never_push_out_callers() -> None:
    keys = Keys(**{KEY: caller()})
    door = Identity(keys)
    await door._caller(KEY.encode())
    for number in range(identity.MOST_STRANGERS + 10):
        assert await door._caller(b"nobody%d" % number) is None
    assert len(door._strangers) == identity.MOST_STRANGERS
    assert len(door._callers) == 1
    asked = keys.asked
    await door._caller(b"nobody%d" % number)
    assert keys.asked == asked


async def test_a_flood_of_made_up_keys_keeps_nobody_out_who_is_known() -> None:
    class Flooded(Keys):
        def __init__(self, **holders: Caller) -> None:
            super().__init__(**holders)
            self.asking: set[str] = set()
            self.most = 0

        async def holder(self, key: str) -> Caller | None:
            self.asking.add(key)
            self.most = max(self.most, len(self.asking))
            if key.startswith("made-up"):
                await asyncio.Event().wait()
            self.asking.discard(key)
            return await super().holder(key)

    keys, clock = Flooded(**{KEY: caller()}), Clock()
    door = Identity(keys, clock)
    assert await door._caller(KEY.encode())
    flood = [asyncio.create_task(door._caller(b"made-up-%d" % number)) for number in range(50)]
    await asyncio.sleep(0.01)
    clock.now += 5
    assert await asyncio.wait_for(door._caller(KEY.encode()), 1)
    assert keys.most <= 3
    for request in (*flood, *door._looking.values()):
        request.cancel()


async def test_an_outage_is_an_error_and_never_a_stranger() -> None:
    class Down:
        async def holder(self, key: str) -> Caller | None:
            raise ConnectionError(len(key))

    door = Identity(Down())
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await door._caller(KEY.encode())
    assert not door._strangers


def test_the_authorization_header_counts_when_both_are_sent() -> None:
    assert header_of([(b"x-api-key", b"a"), (b"authorization", b"b")]) == b"b"
    assert header_of([(b"x-api-key", b"a"), (b"host", b"b")]) == b"x-api-key a"
    assert header_of([]) == b""


def test_a_header_without_a_scheme_may_be_a_key_or_an_id_with_a_key() -> None:
    assert list(credentials_in(in_base64("K1:a:b").encode())) == [
        Credential(in_base64("K1:a:b")),
        Credential("a:b", "K1"),
    ]


async def test_while_the_answer_is_out_a_caller_is_known_for_less_than_a_second() -> None:
    class Stalled(Keys):
        async def holder(self, key: str) -> Caller | None:
            if self.asked:
                await asyncio.Event().wait()
            return await super().holder(key)

    clock = Clock()
    door = Identity(Stalled(**{KEY: caller()}), clock)
    assert await door._caller(KEY.encode())
    clock.now += 0.8
    assert await door._caller(KEY.encode())
    clock.now += 0.2
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(door._caller(KEY.encode()), 0.05)


#: What has the form of a token.
SEALED = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"


class People:
    """Holders of tokens in memory, and the seconds that their tokens are valid yet."""

    def __init__(self, seconds: float = 600.0) -> None:
        self.seconds = seconds
        self.asked = 0

    async def bearer(self, token: str) -> tuple[Caller, float] | None:
        self.asked += 1
        return (caller(), self.seconds) if token == SEALED and self.seconds > 0 else None


async def test_a_token_is_forgotten_when_it_expires() -> None:
    people, clock = People(seconds=0.3), Clock()
    door = Identity(Keys(), clock, people)
    header = f"Bearer {SEALED}".encode()
    assert await door._caller(header)
    people.seconds = 0
    clock.now += 0.29
    assert await door._caller(header)
    clock.now += 0.02
    assert await door._caller(header) is None


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (f"Bearer {SEALED}", True),
        (f"bearer  {SEALED}", True),
        (f"cookie {SEALED}", True),
        (SEALED, False),
        (f"Basic {SEALED}", False),
        (f"x-api-key {SEALED}", False),
        (f"Bearer {SEALED} {SEALED}", False),
        (f"cookie {KEY}", False),
    ],
)
async def test_a_token_counts_as_a_bearers_and_in_the_cookie_alone(header: str, *, known: bool) -> None:
    door = Identity(Keys(**{KEY: caller()}), tokens=People())
    assert bool(await door._caller(header.encode())) is known


async def test_what_is_longer_than_any_credential_is_neither_looked_up_nor_remembered() -> None:
    keys, people = Keys(), People()
    door = Identity(keys, tokens=people)
    for header in (b"Bearer " + b"x" * 10_000, f"Bearer {SEALED}".encode() + b"x" * 10_000):
        assert await door._caller(header) is None
    assert (keys.asked, people.asked, len(door._strangers)) == (0, 0, 0)


def test_the_cookie_counts_last_and_two_of_them_mean_nobody() -> None:
    cookie = (b"cookie", b"theme=dark; token=" + SEALED.encode() + b"; a=b")
    assert header_of([cookie]) == b"cookie " + SEALED.encode()
    assert header_of([cookie, (b"x-api-key", b"a")]) == b"x-api-key a"
    assert header_of([cookie, (b"authorization", b"b")]) == b"b"
    assert header_of([(b"cookie", b"theme=dark; mytoken=x")]) == b""
    assert token_in(header_of([cookie, (b"cookie", b"token=other")])) is None
