"""Going back over streams: the state after each fact, and what caused it (docs/replay.md)."""
