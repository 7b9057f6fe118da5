"""Instances and incidents of each activity of a version, in any range of time (contracts/incidents.md 0.3)."""
