"""Checks as they stand: what is probed, when it last was, and whether it is up (contracts/incidents.md 0.6, checks)."""
