"""Moving the engine's clock, for tests."""

from commands.intents import Timer


class SetTime(Timer, frozen=True):
    """Move the engine's time forward (operation ``setTime``)."""
