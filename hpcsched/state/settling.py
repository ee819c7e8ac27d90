"""What the site makes of jobs that are submitted or changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hpcsched.errors import HpcschedError
from hpcsched.model.job import JobSpec
from hpcsched.sched import site_check
from hpcsched.state.reservations import check_reservation
from hpcsched.state.tables import Tables


def settle_all(tables: Tables, specs: Sequence[JobSpec]) -> list[JobSpec]:
    """With the site's defaults. Raises InvalidValue, Infeasible, NotFound, QueueFull that name the job if there are several."""
    rules = tables.rules
    ledger = site_check.SubmitLedger(tables.site, tables.live, rules)
    settled = []
    for number, spec in enumerate(specs, 1):
        try:
            settled.append(site_check.settled(spec, tables.site, rules))
            ledger.take(settled[-1])
            check_reservation(tables, settled[-1])
        except HpcschedError as error:
            raise type(error)(f"job {number} of {len(specs)}: {error}" if len(specs) > 1 else str(error)) from None
    return settled


def settle_change(tables: Tables, before: JobSpec, spec: JobSpec) -> JobSpec:
    """The same for a pending job that is changed; it is no longer counted where it was."""
    rules = tables.rules
    changed = site_check.settled(spec, tables.site, rules)
    check_reservation(tables, changed)
    live = Counter(tables.live)
    live[before.account, before.qos, before.partition, before.user] -= 1
    site_check.SubmitLedger(tables.site, live, rules).take(changed)
    return changed
