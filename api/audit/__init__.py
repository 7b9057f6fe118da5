"""The audit over HTTP: who did what to what, and the hash that shows whether that still stands (docs/audit.md)."""
