"""What happened to an incident, fact by fact (contracts/incidents.md 0.6, history)."""
