"""``annals webhooks``: where events are delivered to, and what has become of each delivery."""
