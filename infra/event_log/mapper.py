"""Our facts through the eventsourcing library's mapper, so that its compressors and ciphers work on them.

The library's own mapper looks into ``__dict__``, which a struct does not have, and names topics after modules.
"""

from typing import Any

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent, Transcoder

from domain.event import Event
from infra.codec import UnreadableFact, decode, encode


class StreamedFact(msgspec.Struct, frozen=True):
    """A fact at its place in its stream: what the library calls a domain event."""

    originator_id: str
    originator_version: int
    fact: Event


class JsonTranscoder(Transcoder):
    """Structs and plain values as JSON, by msgspec; what is read back is plain, for only a topic names a struct."""

    def encode(self, obj: Any) -> bytes:
        return encode(obj)

    def decode(self, data: bytes) -> Any:
        return msgspec.json.decode(data)


class StructMapper(Mapper[str]):
    """Maps a ``StreamedFact`` to the library's ``StoredEvent`` and back, upcasting topics of the past."""

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        assert isinstance(domain_event, StreamedFact)  # noqa: S101  (the protocol is the library's, facts are ours)
        state = self.transcoder.encode(domain_event.fact)
        if self.compressor is not None:
            state = self.compressor.compress(state)
        if self.cipher is not None:
            state = self.cipher.encrypt(state)
        return StoredEvent(domain_event.originator_id, domain_event.originator_version, domain_event.fact.topic, state)

    def to_domain_event(self, stored_event: StoredEvent) -> StreamedFact:
        state = stored_event.state
        try:
            if self.cipher is not None:
                state = self.cipher.decrypt(state)
            if self.compressor is not None:
                state = self.compressor.decompress(state)
            fact = decode(stored_event.topic, state)
        except UnreadableFact as error:
            raise MapperDeserialisationError(str(error)) from error
        except Exception as error:  # whatever a cipher or compressor raises when the bytes are not its own
            raise MapperDeserialisationError(f"cannot read a fact of topic {stored_event.topic!r}: {error}") from error
        return StreamedFact(str(stored_event.originator_id), stored_event.originator_version, fact)
