"""Incidents of every source, as the APIs that people work with list them (contracts/incidents.md 0.1, 0.6)."""
