"""The command ``annals``: one command a module, loaded when it is asked for, so that each starts fast."""

from importlib import import_module
from typing import Any

import click

from api.cli.refusals import refused

#: Where each command is: module and attribute, and its line in the list of commands.
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("api.cli.serving:serve", "Start everything and answer requests."),
    "demo": ("api.cli.demonstration:demo", "Run an order process with failing workers, and show what is seen of it."),
    "settings": ("api.cli.configuration:settings", "List every setting, its variable and its value."),
    "tenants": ("api.cli.access:tenants", "List, create and change tenants."),
    "keys": ("api.cli.access:keys", "List, create and revoke API keys."),
    "projections": ("api.cli.projections:projections", "List, rebuild and verify the read models."),
    "events": ("api.cli.events:events", "Follow, export and import the event log."),
    "replay": ("api.cli.replaying:replay", "Tell the facts of a stream, with the state after each."),
    "audit": ("api.cli.audit:audit", "Verify that history is what it was, and print its hash."),
    "webhooks": ("api.cli.webhooks.commands:webhooks", "List, create and change webhooks, and look after deliveries."),
    "version": ("api.cli.configuration:version", "Print the version."),
}


class Annals(click.Group):
    """Loads commands by name, and tells refusals in a line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (click's)
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  (click's)
        with formatter.section("Commands"):
            formatter.write_dl([(name, meaning) for name, (_, meaning) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        with refused():
            return super().invoke(ctx)


@click.group(cls=Annals, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Annals: the record of what happens.

    Business processes run in it, what goes wrong becomes an incident that people work on, and every change is an
    appended event. Start with `annals demo` or `annals serve`.
    """
