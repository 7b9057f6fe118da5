"""The operations of the engine, a controller for each subject (contracts/engine.md 1.5)."""
