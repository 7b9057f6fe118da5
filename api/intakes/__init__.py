"""Alerts that other systems hand in, and the intakes at which they do (incidents.md 0.6, inbound webhooks)."""
