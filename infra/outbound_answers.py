"""Reading answers of strangers so that what is wrong behind a head does not take the head with it.

The status stands once the head has come. An answer of 204 or 304 ends there, whatever follows (RFC 9112, 6.3), and
what follows a body that has come to its end is none of it. When aiohttp cannot read the last part of what has come in
one piece, it refuses all of that, so that it would depend on the network whether there was an answer at all.
"""

import re
from itertools import islice

from aiohttp.client_proto import ResponseHandler

#: What may be the end of a head, and how many of them are looked for: interim answers (1xx) have heads too.
BLANK_LINE = re.compile(rb"\n\r?\n")
MOST_HEADS = 16


class HeadsFirst(ResponseHandler):
    """Has each head read by itself, before what follows it. Where something is cut that is no head, nothing changes."""

    _left = MOST_HEADS
    _end = b""  # of what came before: a blank line may come in pieces

    def data_received(self, data: bytes) -> None:
        """Pass what has come on, in pieces."""
        begin = 0
        if self._left:
            before = len(self._end)
            seen = self._end + data
            for blank in islice(BLANK_LINE.finditer(seen), self._left):
                self._left -= 1
                end = blank.end() - before
                if end > begin:
                    super().data_received(data[begin:end])
                    begin = end
            self._end = seen[-2:]
        if begin < len(data) or not data:
            super().data_received(data[begin:])
