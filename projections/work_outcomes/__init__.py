"""How the work of processes ended within the last hour, for the built-in metrics of alert rules."""
