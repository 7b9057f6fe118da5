"""The event log in PostgreSQL: one writer a process, any number of readers, and the doorbell between them."""
