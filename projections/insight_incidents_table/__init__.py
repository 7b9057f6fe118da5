"""The incidents of a version of a process, newest first, in any range of time (contracts/incidents.md 0.3)."""
