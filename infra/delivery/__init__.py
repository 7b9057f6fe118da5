"""Deliveries to webhooks: what is sent to whom, and what became of it (docs/adr/0019, docs/webhooks.md)."""
