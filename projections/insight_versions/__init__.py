"""Instances and incidents of each version of a process (contracts/incidents.md 0.3)."""
