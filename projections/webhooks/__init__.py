"""Webhooks, as their owners list them: without their secrets."""
