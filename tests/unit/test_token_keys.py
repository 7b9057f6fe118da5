"""Public keys of tokens: which are taken, and how often they are asked for."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import jwt
import pytest
from aiohttp import web

from domain.rejection import Unavailable
from infra.settings import InvalidSetting, read_settings
from infra.token_keys import INTERVAL, LARGEST_JWKS, OLD, KeySet, NoKeys, keys_in, loader
from tests.unit.token_minting import edwards, elliptic, jwks, public, published, rsa


class Issuer:
    """Publishes keys, and counts how often it is asked; ``now`` is the time as the set of keys sees it."""

    def __init__(self, keys: bytes = b"") -> None:
        self.keys = keys or published()
        self.asked = 0
        self.down = False
        self.now = 1000.0
        self.set = KeySet(self.load, lambda: self.now)

    async def load(self) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        if self.down:
            raise OSError("gone")
        return self.keys

    async def knows(self, algorithm: str, kid: str | None) -> bool:
        return await self.set.find(algorithm, kid) is not None


async def test_a_key_is_found_by_its_name_and_for_its_algorithm_alone() -> None:
    issuer = Issuer()
    assert await issuer.knows("RS256", "r1")
    assert not await issuer.knows("RS256", "e1")
    assert not await issuer.knows("ES256", "r1")
    assert not await issuer.knows("HS256", "r1")


async def test_without_a_name_the_only_key_of_an_algorithm_is_meant() -> None:
    assert await Issuer().knows("RS256", None)
    two = Issuer(jwks(public("r1", rsa()), public("r2", rsa("second"))))
    assert not await two.knows("RS256", None)


async def test_ten_thousand_unknown_names_have_the_keys_loaded_once_in_an_interval() -> None:
    issuer = Issuer()
    await asyncio.gather(*(issuer.knows("RS256", f"k{number}") for number in range(10_000)))
    assert issuer.asked == 1
    issuer.now += INTERVAL
    for number in range(1000):
        assert not await issuer.knows("RS256", f"k{number}")
    assert issuer.asked == 2


async def test_a_new_key_is_found_as_soon_as_the_interval_is_over() -> None:
    issuer = Issuer()
    assert not await issuer.knows("RS256", "r2")
    issuer.keys = jwks(public("r2", rsa("second")))
    assert not await issuer.knows("RS256", "r2")
    issuer.now += INTERVAL
    assert await issuer.knows("RS256", "r2")
    assert not await issuer.knows("RS256", "r1")


async def test_a_key_that_is_withdrawn_is_forgotten_after_a_while() -> None:
    issuer = Issuer()
    assert await issuer.knows("RS256", "r1")
    issuer.keys = jwks(public("r2", rsa("second")))
    issuer.now += OLD + 1
    assert await issuer.knows("RS256", "r1")  # the keys are loaded beside this request
    await asyncio.sleep(0.01)
    assert not await issuer.knows("RS256", "r1")


async def test_keys_that_were_loaded_stay_while_they_cannot_be_loaded_anew() -> None:
    issuer = Issuer()
    assert await issuer.knows("RS256", "r1")
    issuer.down = True
    issuer.now += OLD + 1
    for _ in range(3):
        assert await issuer.knows("RS256", "r1")
        await asyncio.sleep(0.01)
    assert issuer.asked == 2


async def test_while_no_keys_could_ever_be_loaded_nobody_is_called_a_stranger() -> None:
    issuer = Issuer()
    issuer.down = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await issuer.set.find("RS256", "r1")
    assert issuer.asked == 1
    issuer.down = False
    issuer.now += INTERVAL
    assert await issuer.knows("RS256", "r1")


@pytest.mark.parametrize("nonsense", [b"", b"[]", b"{}", b"null", b'{"keys": 1}', b'{"keys": [1]}', b"[" * 100_000])
def test_what_is_no_jwks_is_refused(nonsense: bytes) -> None:
    with pytest.raises(NoKeys):
        keys_in(nonsense)


def test_keys_that_tokens_are_not_signed_with_are_left_out() -> None:
    members = [
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0", "alg": "HS256"},
        {"kty": "RSA", "kid": "broken", "n": "x", "e": "AQAB"},
        {"kty": "EC", "kid": "curve", "crv": "P-384", "x": "x", "y": "y"},
        public("short", rsa("short", 1024)),
        {**jwt.algorithms.RSAAlgorithm.to_jwk(rsa(), as_dict=True), "kid": "private", "key_ops": ["verify"]},
        public("encrypts", rsa(), use="enc"),
        public("signs", rsa(), key_ops=["sign"]),
        public("other", rsa(), alg="PS256"),
        public("confused", rsa(), alg="HS256"),
        public("good", rsa(), alg="RS256", use="sig", key_ops=["verify"]),
    ]
    assert set(keys_in(jwks(*members))) == {("RS256", "good")}
    assert set(keys_in(published())) == {("RS256", "r1"), ("ES256", "e1"), ("EdDSA", "d1")}


async def test_keys_lie_in_a_file_that_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(published())
    load = loader(str(path))
    assert await load() == published()
    path.write_bytes(jwks(public("e2", elliptic("second")), public("d2", edwards("second"))))
    assert set(keys_in(await load())) == {("ES256", "e2"), ("EdDSA", "d2")}


@pytest.mark.parametrize("content", [None, b"", b"no JWKS"])
def test_a_file_without_keys_is_a_wrong_setting(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "jwks.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidSetting, match="ANNALS_JWKS"):
        loader(str(path))


@asynccontextmanager
async def published_at(answers: dict[str, web.Response]) -> AsyncIterator[str]:
    """Serve answers at their paths; yield the URL of the server."""

    async def answer(request: web.Request) -> web.Response:
        return answers[request.path]

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def test_keys_lie_at_a_url_and_nowhere_it_may_lead_to() -> None:
    answers = {
        "/jwks": web.Response(body=published()),
        "/moved": web.Response(status=302, headers={"Location": "/jwks"}),
        "/gone": web.Response(status=404, body=published()),
        "/large": web.Response(body=b" " * LARGEST_JWKS + published()),
    }
    async with published_at(answers) as url:
        assert json.loads(await loader(f"{url}/jwks")()) == json.loads(published())
        for path in ("moved", "gone", "large"):
            with pytest.raises(NoKeys):
                await loader(f"{url}/{path}")()


@pytest.mark.parametrize(
    "source", ["keys.json", "/etc/keys.json", "https://id.example/jwks", "http://127.0.0.1:8/x", "http://[::1]/x"]
)
def test_keys_are_a_path_or_a_url_that_can_be_trusted(source: str) -> None:
    assert read_settings({"ANNALS_JWKS": source}).jwks == source


@pytest.mark.parametrize(
    "source",
    ["http://id.example/jwks", "http://127.0.0.1.evil.example/x", "http://localhost@evil.example/x", "ftp://x/y"],
)
def test_keys_that_anyone_on_the_way_could_change_are_a_wrong_setting(source: str) -> None:
    with pytest.raises(InvalidSetting, match="ANNALS_JWKS"):
        read_settings({"ANNALS_JWKS": source})
