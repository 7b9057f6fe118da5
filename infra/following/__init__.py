"""Followers: what keeps the read models level with the log, and rebuilds and verifies them.

::

    followers   the role: holds the lease and runs turns of following
    turn        rounds of reading and applying, for as long as the lease is held
    rebuilding  new tables beside the live ones, swapped in when level      verifying  the two compared
    applying    a batch into rows, position in the same transaction         standing   where each read model stands
    batches     bounded, decoded parts of the log                           progress   news for waiting queries
"""
