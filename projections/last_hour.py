"""Read models that keep what the widest window of an alert rule may look back on, and nothing older.

How far they keep is decided by the latest moment at which any of their facts happened, cut to a minute. So it depends
on the facts alone, however they were parted into batches; it never goes back, and what it passed never comes again.
"""

from collections.abc import Collection, Sequence

from domain.event import Event, Recorded
from projections.time_spans import MINUTE, milliseconds

#: An hour is the widest window. The minutes beyond it are for the cut, and for clocks that are not quite the same.
KEPT = 63 * MINUTE


def kept_since(facts: Sequence[Recorded], kinds: Collection[type[Event]], before: int) -> int:
    """Return since when a read model that looks at facts of these kinds keeps what happened, after a batch.

    ``before`` is what it was before it. Times are in milliseconds since 1970.
    """
    newest = max((fact.happened_at for fact in facts if type(fact.event) in kinds), default=None)
    return before if newest is None else max(before, milliseconds(newest) // MINUTE * MINUTE - KEPT)
