"""The log itself over HTTP: the event feed, the types of events, and their AsyncAPI document (docs/events.md)."""
