"""Whether the nodes that are known could ever run what is asked."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.job import JobSpec
from hpcsched.sched.feasibility import require_feasible
from hpcsched.sched.fit import Fitter
from hpcsched.sched.nodelist import chosen
from hpcsched.sched.site_check import candidates
from hpcsched.sched.waiting import shape_of
from hpcsched.state.tables import Tables

_fitter = Fitter()
MAX_SHAPES = 10_000


def require_all_feasible(tables: Tables, specs: Sequence[JobSpec]) -> None:
    """Each shape once, while no node changes. Raises Infeasible, InvalidValue that names the job where there are several."""
    for number, spec in enumerate(specs, 1):
        shape = shape_of(spec)
        if spec.nodes <= tables.feasible.get(shape, 0):
            continue
        try:
            _require(tables, spec)
        except (Infeasible, InvalidValue) as error:
            raise type(error)(f"job {number} of {len(specs)}: {error}" if len(specs) > 1 else str(error)) from None
        if len(tables.feasible) >= MAX_SHAPES:
            tables.feasible.clear()
        tables.feasible[shape] = spec.nodes


def _require(tables: Tables, spec: JobSpec) -> None:
    nodes = chosen(spec, list(tables.nodes.values()))
    found, where = candidates(spec, tables.site, [node.offer for node in nodes])
    require_feasible(spec, found, _fitter, f"{where} by that list" if spec.nodelist else where)
