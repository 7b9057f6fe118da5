"""Samples of metrics that were sent in within the last hour, for the evaluation of alert rules."""
