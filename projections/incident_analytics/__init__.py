"""How many incidents there were in any range of time, and how soon they were resolved (contracts/incidents.md 2.5)."""
