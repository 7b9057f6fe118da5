"""The insight dialect: analytics over the incidents of processes (contracts/incidents.md 0.3 and 1)."""
