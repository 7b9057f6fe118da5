"""Incidents of a version of a process by day and type, in any range of time (contracts/incidents.md 0.3)."""
