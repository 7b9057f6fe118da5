"""What never leaves with an event: secrets, and what stands for them. The log keeps it; the feed leaves it out.

Values of variables that are encrypted stay as they are: nobody can read them without the deployment's keys.
"""

from collections.abc import Mapping

#: By topic, old ones too: the members of the fact that are left out.
WITHHELD: Mapping[str, frozenset[str]] = {
    "key.issued.v1": frozenset({"key_hash"}),
    "webhook.created.v1": frozenset({"sealed_secret"}),
    "webhook.secret_rotated.v1": frozenset({"sealed_secret"}),
    "intake.opened.v1": frozenset({"sealed_secret", "routing_key_hash"}),
}
