"""Administering a deployment, over HTTP or at the command line: tenants, keys, and the very first start."""

from collections.abc import Callable

import structlog

from commands.access import (
    Administrator,
    ChangeTenant,
    FoundDeployment,
    IssuedKey,
    IssueKey,
    KeyToIssue,
    KeyToRevoke,
    RegisterTenant,
    RevokeKey,
    no_key,
)
from commands.handling import Asker, Commands, Outcome
from domain.access.roles import DEFAULT_TENANT
from domain.event import Actor
from infra.access import AccessRecords
from infra.secret_key import KEY_ID, SecretKey

SYSTEM = Actor("system", "system")

log = structlog.get_logger(__name__)


class Administration:
    """Sends the commands about tenants and keys, each in the name of the tenant that it is about.

    ``trace`` is the ``traceparent`` of the request that asks, if it came with one.
    """

    def __init__(
        self, commands: Commands, records: AccessRecords, secret_key: SecretKey, ulid: Callable[[], str]
    ) -> None:
        self._commands = commands
        self._records = records
        self._secret_key = secret_key
        self._ulid = ulid

    async def register_tenant(self, command: RegisterTenant, actor: Actor, trace: str | None = None) -> Outcome:
        """Answer a ``TenantView``."""
        return await self._commands.send(command, Asker(command.id, actor, traceparent=trace))

    async def change_tenant(
        self, tenant_id: str, command: ChangeTenant, actor: Actor, trace: str | None = None
    ) -> Outcome:
        """Answer a ``TenantView``."""
        return await self._commands.send(command, Asker(tenant_id, actor, traceparent=trace), tenant_id)

    async def issue_key(self, command: IssueKey, by: Administrator, actor: Actor, trace: str | None = None) -> Outcome:
        """Answer an ``IssuedKey``."""
        minted = self._secret_key.mint(self._ulid())
        asker = Asker(command.tenant_id, actor, traceparent=trace)
        return await self._commands.send(command, asker, KeyToIssue(by, minted))

    async def revoke_key(self, key_id: str, by: Administrator, actor: Actor, trace: str | None = None) -> Outcome:
        """Answer nothing."""
        if not KEY_ID.fullmatch(key_id):
            raise no_key(key_id)
        tenant = await self._records.tenant_of_key(key_id) or by.tenant
        asker = Asker(tenant, actor, traceparent=trace)
        return await self._commands.send(RevokeKey(), asker, KeyToRevoke(by, key_id))

    async def found_deployment(self, bootstrap_key: str | None) -> IssuedKey | None:
        """Make the tenant ``default`` with its first owner key on the first start; return that key, else ``None``."""
        fresh_id = self._ulid()
        if bootstrap_key is None:
            minted = self._secret_key.mint(fresh_id)
        else:
            minted = self._secret_key.adopt(bootstrap_key, fresh_id)
        outcome = await self._commands.send(FoundDeployment(), Asker(DEFAULT_TENANT, SYSTEM), minted)
        founded: IssuedKey | None = outcome.answer
        if founded is None and bootstrap_key is not None and await self._records.holder(bootstrap_key) is None:
            log.warning("ANNALS_BOOTSTRAP_KEY opens nothing: it counts on the very first start only")
        return founded
