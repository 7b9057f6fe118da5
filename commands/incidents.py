"""Resolving incidents."""

from commands.intents import Intent


class ResolveIncident(Intent, frozen=True):
    """Try the failed job or task again (operation ``resolveIncident``)."""

    worker_id: str = ""
    retry_timer: str = ""
