"""The prober role: looks at what checks are about, from one region (contracts/incidents.md 0.5, source 3)."""
