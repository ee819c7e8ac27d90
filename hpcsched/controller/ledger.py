"""The journal in the controller's terms: events and records in, state out. Runs on the journal's thread."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.errors import Conflict, StoreError
from hpcsched.model.job import Job
from hpcsched.model.record import Record
from hpcsched.model.site import Site
from hpcsched.state import codec
from hpcsched.state.commands import RecordJob
from hpcsched.state.events import Event
from hpcsched.state.state import State
from hpcsched.stores.base import Journal, RecordRow


class Ledger:
    """`snapshot_every`: events between two snapshots."""

    def __init__(self, journal: Journal, snapshot_every: int, site: Site | None = None) -> None:
        self._journal, self._every, self._site = journal, snapshot_every, site
        self.epoch = 0
        self._position = 0
        self._since_snapshot = 0

    def open(self) -> State:
        """Take the lease, then `reload`."""
        self.epoch = self._journal.open()
        return self.reload()

    def reload(self) -> State:
        """The state that the journal holds. Raises StoreCorrupt."""
        body, self._position, entries = self._journal.load()
        state = State.load(body, self._site) if body else State(self._site)
        self._since_snapshot = 0
        for entry in entries:
            state.apply(codec.decode(entry.kind, entry.body))
            self._position = entry.position
            self._since_snapshot += 1
        return state

    def commit(self, events: Sequence[Event], records: Sequence[RecordJob]) -> None:
        """One durable transaction. Raises StoreFull, StoreBusy, StoreError."""
        rows = [_row(command.record) for command in records]
        try:
            self._journal.append(self._position, [codec.encode(event) for event in events], rows)
        except Conflict as error:
            raise StoreError(str(error)) from None
        self._position += len(events)
        self._since_snapshot += len(events)

    @property
    def wants_snapshot(self) -> bool:
        return self._since_snapshot >= self._every

    def snapshot(self, body: bytes) -> None:
        self._journal.save_snapshot(self._position, body)
        self._since_snapshot = 0

    def close(self, state: State | None) -> None:
        """Give the lease back, after a last snapshot of `state`."""
        try:
            if state is not None and self._since_snapshot:
                self.snapshot(state.dump())
        except StoreError:
            pass
        finally:
            self._journal.close()

    def ended_job(self, job_id: int) -> Job | None:
        body = self._journal.record(job_id)
        return codec.decode_record(body).job if body else None

    def records(self, limit: int, before_job_id: int) -> list[Record]:
        """Newest first, those of workers left out."""
        found: list[Record] = []
        while len(found) < limit:
            page = [codec.decode_record(body) for body in self._journal.records(limit, before_job_id)]
            found += [record for record in page if not record.job.is_worker]
            if len(page) < limit:
                break
            before_job_id = page[-1].job.id
        return found[:limit]

    def jobs_of_request(self, request_id: str) -> tuple[int, ...]:
        """Ended jobs of that request."""
        return self._journal.jobs_of_request(request_id)


def _row(record: Record) -> RecordRow:
    job = record.job
    return RecordRow(job.id, job.request_id, job.end_time, codec.encode_record(record))
