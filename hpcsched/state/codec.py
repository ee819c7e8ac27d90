"""Events, records and dumps as JSON bytes. Id sets are text; jobs of one submit share what is equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

import msgspec

from hpcsched.errors import InvalidValue, StoreCorrupt
from hpcsched.model.idset import IdSet
from hpcsched.model.job import JobSpec
from hpcsched.model.record import Record
from hpcsched.state import events
from hpcsched.state.events import Event, JobsSubmitted, SubmittedJob

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Submitted:
    """JobsSubmitted with each different spec once; `jobs`: id and index of the spec; `barred`: by id, where there is any."""

    time: float
    request_id: str
    specs: tuple[JobSpec, ...]
    jobs: tuple[tuple[int, int], ...]
    barred: dict[int, bytes] = field(default_factory=dict)


def _to_text(value: Any) -> str:
    if isinstance(value, IdSet):
        return str(value)
    raise NotImplementedError(f"no text form for {type(value).__name__}")


def _from_text(kind: type, text: Any) -> Any:
    if kind is IdSet and isinstance(text, str):
        return IdSet.parse(text)
    raise ValueError(f"{text!r} is no {kind.__name__}")


def decoder(kind: type[Value]) -> msgspec.json.Decoder[Value]:
    return msgspec.json.Decoder(kind, dec_hook=_from_text)


_ENCODER = msgspec.json.Encoder(enc_hook=_to_text)
_DECODERS: Mapping[str, msgspec.json.Decoder[Any]] = {
    kind.__name__: decoder(_Submitted if kind is JobsSubmitted else kind) for kind in get_args(Event)
}
_RECORD = decoder(Record)


def encode_value(value: Any) -> bytes:
    """Dataclasses of the model, numbers, text. A float that is no number would not come back: do not give one."""
    return _ENCODER.encode(value)


def decode_value(reader: msgspec.json.Decoder[Value], body: bytes, what: str) -> Value:
    """Raises StoreCorrupt that says what could not be read, and where in it."""
    try:
        return reader.decode(body)
    except (msgspec.MsgspecError, InvalidValue, UnicodeDecodeError) as error:
        raise StoreCorrupt(f"cannot read {what}: {error}") from None


def encode(event: Event) -> tuple[str, bytes]:
    """Kind and body for the journal."""
    return type(event).__name__, encode_value(_packed(event) if isinstance(event, JobsSubmitted) else event)


def decode(kind: str, body: bytes) -> Event:
    """Raises StoreCorrupt."""
    reader = _DECODERS.get(kind)
    if reader is None:
        raise StoreCorrupt(f"unknown kind of event {kind!r}: it was written by a newer version of hpcsched; upgrade this one")
    value = decode_value(reader, body, f"an event {kind}")
    return _unpacked(value) if isinstance(value, _Submitted) else value


def encode_record(record: Record) -> bytes:
    return encode_value(record)


def decode_record(body: bytes) -> Record:
    """Raises StoreCorrupt."""
    return decode_value(_RECORD, body, "a record")


def shared(specs: Iterable[JobSpec]) -> tuple[tuple[JobSpec, ...], list[int]]:
    """Each different spec once, and for each given one its index there."""
    index: dict[JobSpec, int] = {}
    places = [index.setdefault(spec, len(index)) for spec in specs]
    return tuple(index), places


def _packed(event: JobsSubmitted) -> _Submitted:
    specs, places = shared(job.spec for job in event.jobs)
    jobs = tuple((job.job_id, at) for job, at in zip(event.jobs, places, strict=True))
    return _Submitted(event.time, event.request_id, specs, jobs, {job.job_id: job.barred for job in event.jobs if job.barred})


def _unpacked(body: _Submitted) -> JobsSubmitted:
    if any(not 0 <= at < len(body.specs) for _, at in body.jobs):
        raise StoreCorrupt("cannot read an event JobsSubmitted: a job without its spec")
    jobs = tuple(SubmittedJob(job_id, body.specs[at], body.barred.get(job_id, b"")) for job_id, at in body.jobs)
    return events.JobsSubmitted(body.time, body.request_id, jobs)
