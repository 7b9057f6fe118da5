"""Auditing the log: who did what, and whether history still is what it was (docs/audit.md).

::

    trail      who did what to what, for whoever asks        hashing   the hash of an event, and of a history
    chaining   the follower that writes the chain of hashes  heads     hashes of histories, to keep elsewhere
    walking    the whole log against the chain, by position  verifying everything that an audit verifies
"""
