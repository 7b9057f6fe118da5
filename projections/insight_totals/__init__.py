"""How many incidents a version of a process had, in any range of time (contracts/incidents.md 0.3)."""
