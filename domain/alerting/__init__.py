"""Alert rules: what they watch, how it is measured, and when that is a breach (contracts/incidents.md 4.5, 4.6)."""
