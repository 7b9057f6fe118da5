"""Intakes as the database has them, and the secrets that open them (contracts/incidents.md 0.6, inbound webhooks).

They are read from the log itself: what is closed is refused at once, whatever state the read models are in.
"""

import hmac
import secrets
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Protocol

from commands.intakes import IntakeView, MintedIntake
from domain.identity import intakes_stream
from domain.intakes import intake
from domain.intakes.events import Provider
from domain.intakes.intake import Intake
from domain.rejection import Unavailable
from infra.codec import decode
from infra.outages import passes
from infra.sealing import Seal
from infra.secret_key import SecretKey

#: 256 bits, 64 hex digits.
_SECRET_BYTES = 32
#: 192 bits, 32 characters.
_ROUTING_KEY_BYTES = 24

#: What the key that seals secrets of intakes is derived for.
_PURPOSE = b"annals: secrets of intakes"

#: The facts of the intakes that a tenant has open for a provider: the stream that lists their ids leads to them.
FACTS_OF_LISTED = """
with listed as (
    select state from log.events where originator_id = $1 and topic = 'intake.listed.v1'
    except
    select state from log.events where originator_id = $1 and topic = 'intake.unlisted.v1'
)
select events.originator_id, events.topic, events.state, events.happened_at, events.tenant
  from listed
  join log.events
    on events.originator_id = 'intake-' || (convert_from(listed.state, 'UTF8')::jsonb ->> 'intake')
 order by events.originator_id, events.originator_version
"""

#: The facts of all intakes; in the collation "C" the dot follows the hyphen.
FACTS_OF_ALL = """
select originator_id, topic, state, happened_at, tenant
  from log.events
 where originator_id >= 'intake-' and originator_id < 'intake.'
 order by originator_id, originator_version
"""

TENANT_OF = "select tenant from log.events where originator_id = $1 and originator_version = 1"


class Database(Protocol):
    """A pool or connection to the database of the log."""

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]: ...

    async def fetchval(self, query: str, /, *args: Any) -> Any: ...


class ActiveIntake:
    """An intake that takes alerts, with what opens it; it shows neither."""

    __slots__ = ("_routing_key_hash", "_secret", "id")

    def __init__(self, intake_id: str, secret: str, routing_key_hash: str) -> None:
        self.id = intake_id
        self._secret = secret.encode()
        self._routing_key_hash = routing_key_hash

    def signed(self, body: bytes, signature: bytes) -> bool:
        """Tell whether a signature, in hex, is that of a body; how long that takes does not tell how nearly it is."""
        return hmac.compare_digest(hmac.digest(self._secret, body, "sha256").hex().encode(), signature)

    def opened_by(self, hashed_routing_keys: Sequence[str]) -> bool:
        """Tell whether one of the hashes of a key is that of the intake's."""
        return any(hmac.compare_digest(self._routing_key_hash, hashed) for hashed in hashed_routing_keys)


class IntakeSecrets:
    """Makes what opens intakes, and reads it back."""

    def __init__(self, secret_key: SecretKey) -> None:
        self._secret_key = secret_key
        self._seal = Seal(secret_key, _PURPOSE, "intake")

    def mint(self, tenant: str, intake_id: str, *, with_routing_key: bool) -> MintedIntake:
        """Make a secret of 64 hex digits, and for senders that cannot sign a routing key of 32 characters."""
        secret = secrets.token_hex(_SECRET_BYTES)
        sealed = self._seal.close(secret, tenant, intake_id)
        if not with_routing_key:
            return MintedIntake(intake_id, secret, sealed)
        routing_key = secrets.token_urlsafe(_ROUTING_KEY_BYTES)
        return MintedIntake(intake_id, secret, sealed, routing_key, self.hashes(routing_key)[0])

    def hashes(self, routing_key: str) -> Sequence[str]:
        """Return the hashes under which a routing key may be stored."""
        return self._secret_key.hashes(routing_key)

    def read(self, intake_id: str, known: Intake) -> ActiveIntake | None:
        """Return an intake with its secret; None, and a word in the log, when no secret key that is left opens it."""
        secret = self._seal.open(known.sealed_secret, known.tenant, intake_id)
        return None if secret is None else ActiveIntake(intake_id, secret, known.routing_key_hash)


class IntakeRecords:
    """Reads what a database knows of intakes. Every question raises ``Unavailable`` in an outage."""

    def __init__(self, database: Database, secrets_of: IntakeSecrets) -> None:
        self._database = database
        self._secrets = secrets_of

    async def active(self, tenant: str, provider: Provider) -> tuple[ActiveIntake, ...]:
        """Return the intakes that a tenant has open for a provider, with what opens them."""
        found = await self._facts(FACTS_OF_LISTED, intakes_stream(tenant, provider))
        opened = [self._secrets.read(intake_id, known) for intake_id, known in _folded(found) if not known.closed]
        return tuple(one for one in opened if one is not None)

    def hashes(self, routing_key: str) -> Sequence[str]:
        """Return the hashes under which a routing key may be stored."""
        return self._secrets.hashes(routing_key)

    def stranger(self) -> ActiveIntake:
        """Return an intake that nothing opens: its secret is known to nobody."""
        return ActiveIntake("", secrets.token_hex(_SECRET_BYTES), "")

    async def tenant_of(self, intake_id: str) -> str | None:
        """Return the tenant of an intake, be it open or closed."""
        tenant: str | None = await self._asked(self._database.fetchval, TENANT_OF, f"intake-{intake_id}")
        return tenant

    async def of_tenant(self, tenant: str, providers: Sequence[Provider]) -> list[IntakeView]:
        """Return the open intakes of a tenant, in the order in which they were opened."""
        found = [await self._facts(FACTS_OF_LISTED, intakes_stream(tenant, provider)) for provider in providers]
        return sorted(view for facts in found for view in _views(facts))

    async def of_all(self) -> list[IntakeView]:
        """Return the open intakes of all tenants."""
        return sorted(_views(await self._facts(FACTS_OF_ALL)))

    async def _facts(self, query: str, *args: object) -> Sequence[Any]:
        facts: Sequence[Any] = await self._asked(self._database.fetch, query, *args)
        return facts

    @staticmethod
    async def _asked(ask: Any, query: str, *args: object) -> Any:
        try:
            return await ask(query, *args)
        except Exception as error:
            if passes(error):
                raise Unavailable("failed to look up an intake", "the database cannot be reached") from error
            raise


def _folded(facts: Sequence[Any]) -> list[tuple[str, Intake]]:
    """Return intakes by their ids, from their facts in order."""
    found = []
    for stream, of_one in groupby(facts, lambda row: str(row["originator_id"])):
        state: Intake | None = None
        for row in of_one:
            event: Any = decode(row["topic"], row["state"])
            state = intake.evolve(state, event, row["happened_at"], "", row["tenant"])
        if state is not None:
            found.append((stream.removeprefix("intake-"), state))
    return found


def _views(facts: Sequence[Any]) -> list[IntakeView]:
    return [
        IntakeView(intake_id, known.tenant, known.provider, known.name, known.opened_at)
        for intake_id, known in _folded(facts)
        if not known.closed
    ]
