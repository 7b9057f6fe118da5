"""Element instances, as engine clients list them, and the scopes around each."""
