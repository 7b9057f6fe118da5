"""Requests a minute: how many each credential has left, on one node or over all nodes that share a Redis."""
