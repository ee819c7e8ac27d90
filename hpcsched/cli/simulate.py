"""`hpcsched simulate`."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpcsched.cli.context import Context
from hpcsched.cli.output import output_option
from hpcsched.cli.params import Duration, Word

if TYPE_CHECKING:
    from hpcsched.sim.engine import Setting
    from hpcsched.sim.trace import Trace

FILE = click.Path(path_type=Path, dir_okay=False)
EXAMPLES = """\b
Example: hpcsched simulate KTH-SP2.swf.gz --policy easy --policy wfp
         hpcsched simulate KTH-SP2.swf.gz --config now.toml --config new.toml
         hpcsched simulate theta.swf.gz --failures 30d --plot queue.svg
         hpcsched records --output json > ours.json
         hpcsched simulate ours.json --load 1.3 --starts starts.csv"""


@click.command(epilog=EXAMPLES)
@click.argument("trace", type=FILE)
@click.option(
    "--policy", "policies", multiple=True, default=("easy",), show_default=True, metavar="NAME",
    type=Word("conservative", "easy", "fifo", "sjbf", "wfp"), help="Several: one beside the other.",
)  # fmt: skip
@click.option("--processors", type=int, metavar="N", help="Of the machine [default: what the trace says].")
@click.option("--node-processors", type=click.IntRange(1, 1024), default=1, show_default=True, metavar="N", help="Of a node.")
@click.option(
    "--config", "configs", multiple=True, type=FILE, metavar="FILE",
    help="Partitions, QOS, accounts and weights from there; several: one beside the other.",
)  # fmt: skip
@click.option(
    "--turns", type=click.Choice(("trace", "controller")),
    help="Plan after each submission and each end [default for SWF], or once after all that happens at one time.",
)  # fmt: skip
@click.option("--exact", is_flag=True, help="As if every user had known the run time.")
@click.option("--load", "factor", type=float, default=1.0, metavar="FACTOR", help="Submit that much faster.")
@click.option("--limit-jobs", type=click.IntRange(1), metavar="N", help="The first ones only.")
@click.option("--failures", "mtbf_s", type=Duration(), metavar="MTBF", help="Each node fails after that time on average.")
@click.option(
    "--repair", "repair_s", type=Duration(), default="1h", show_default=True, metavar="TIME", help="It takes on average."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="Of the failures.")
@click.option("--starts", type=FILE, metavar="FILE", help="Write the start of each job as CSV.")
@click.option("--plot", "picture", type=FILE, metavar="FILE", help="Draw queue, machine and waits as *.svg or *.png.")
@click.option("--check", is_flag=True, help="Look at every invariant after every event (slow).")
@output_option
@click.pass_obj
def command(context: Context, /, trace: Path, form: str, starts: Path | None, picture: Path | None, **options: Any) -> int:
    """Try policies and settings on the jobs of a workload trace: in the Standard Workload Format, or from `hpcsched records`.

    A job has the partition, account and QOS of the --config that are called as its queue or partition (q1, p1) and group (g1)
    are in the trace, or as its own in the records. What gives way to an urgent job takes all of its grace, and may run again.

    Exits 1 when jobs never started. Plain columns: figure, its value for each simulation, in seconds.
    """
    from hpcsched.cli import simulate_report
    from hpcsched.cli.progress import jobs_progress
    from hpcsched.sim.metrics import figures
    from hpcsched.sim.plots import check_plot, plot
    from hpcsched.sim.study import arms, on_the_machine, run

    if picture:
        check_plot(picture)
    for path in (starts, picture):
        _require_folder(path)
    chosen = arms(options["policies"], options["configs"])
    jobs, setting = _workload(trace, options)
    chosen, changed = on_the_machine(chosen, setting)
    with jobs_progress() as progress:
        outcomes = run(jobs, chosen, setting, progress)
    simulate_report.tell(outcomes, changed)
    if starts:
        simulate_report.write_starts(outcomes, starts)
    if picture:
        plot(outcomes, picture)
    simulate_report.show_figures([figures(outcome) for outcome in outcomes], form)
    return int(any(outcome.stuck for outcome in outcomes))


def _require_folder(path: Path | None) -> None:
    """Before any work is done for it."""
    if path and not path.absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def _workload(path: Path, options: dict[str, Any]) -> tuple[Trace, Setting]:
    from hpcsched.sim import trace as traces
    from hpcsched.sim.accounting import read_trace
    from hpcsched.sim.engine import Setting, Turns
    from hpcsched.sim.failures import Failures

    trace = read_trace(path)
    processors = traces.machine_size(trace) if options["processors"] is None else options["processors"]
    turns = Turns(options["turns"] or ("controller" if trace.own else "trace"))
    trace = traces.fitting(traces.first_jobs(trace, options["limit_jobs"] or len(trace.jobs)), processors)
    trace = traces.denser(traces.exact_estimates(trace) if options["exact"] else trace, options["factor"])
    mtbf_s = options["mtbf_s"]
    failures = Failures(mtbf_s, options["repair_s"], options["seed"]) if mtbf_s else None
    return trace, Setting(processors, options["node_processors"], turns=turns, failures=failures, check=options["check"])
