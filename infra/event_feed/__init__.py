"""The event feed: the log for everyone who follows it, one position after the other (docs/events.md)."""
