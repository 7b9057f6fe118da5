"""What an ``Idempotency-Key`` means to operations where it is not plain, as the OpenAPI document says it."""

REPEATABLE = """\
An `Idempotency-Key` has no effect, and is not needed: called again, this gives back what is held by then, if anything.
"""

MANY = """\
Each item takes effect, or is refused, by itself: the answer tells for each in turn what it would have been answered
alone. An item that breaks a rule of the body has the whole request refused, and none takes effect.

Under an `Idempotency-Key`, items that took effect before are answered as they were then; those that were refused are
tried again.
"""
