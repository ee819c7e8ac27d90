"""Whether the nodes that are known could ever run what is asked."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.sched.feasibility import require_feasible
from hpcsched.sched.fit import Fitter
from hpcsched.sched.site_check import candidates
from hpcsched.state.tables import Tables

_fitter = Fitter()


def require_all_feasible(tables: Tables, specs: Sequence[JobSpec]) -> None:
    """Each shape once. Raises Infeasible, InvalidValue that names the job where there are several."""
    offers = [node.offer for node in tables.nodes.values()]
    judged: set[tuple[ResourceRequest, str, int, str, str]] = set()
    for number, spec in enumerate(specs, 1):
        shape = (spec.resources, spec.runtime, spec.nodes, spec.partition, spec.constraint)
        if shape in judged:
            continue
        judged.add(shape)
        try:
            found, where = candidates(spec, tables.site, offers)
            require_feasible(spec, found, _fitter, where)
        except (Infeasible, InvalidValue) as error:
            raise type(error)(f"job {number} of {len(specs)}: {error}" if len(specs) > 1 else str(error)) from None
