"""The subcommands by name, in the order and the groups that `hpcsched --help` shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """`module` of hpcsched.cli holds the click command under the name `command`; it is imported only when it is called."""

    name: str
    module: str
    about: str


SECTIONS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Jobs",
        (
            Entry("submit", "submit", "Put a job in the queue and print its id."),
            Entry("run", "run", "Submit, follow the output, exit with the job's code."),
            Entry("jobs", "jobs", "List jobs."),
            Entry("job", "job", "Show one job."),
            Entry("explain", "explain", "Say why a job waits, and when it will start."),
            Entry("logs", "logs", "Print a job's output."),
            Entry("cancel", "cancel", "Cancel jobs."),
            Entry("hold", "hold", "Keep waiting jobs from starting."),
            Entry("release", "release", "Let held jobs start."),
            Entry("update", "update", "Change what jobs ask for."),
            Entry("requeue", "requeue", "Stop running jobs and let them wait again."),
            Entry("suspend", "suspend", "Freeze running jobs."),
            Entry("exec", "exec", "Run a command inside a job's container."),
            Entry("shell", "shell", "Open a terminal inside a job's container."),
            Entry("receipt", "receipt", "Show what the kernel really gave a job."),
            Entry("records", "records", "List ended jobs and what they used."),
        ),
    ),
    (
        "Nodes",
        (
            Entry("nodes", "nodes", "List nodes."),
            Entry("node", "node", "Show one node."),
            Entry("canaries", "canaries", "Show what canaries have found, and which nodes have gone slow."),
            Entry("drain", "drain", "Give a node no new job."),
            Entry("resume", "resume", "Give a drained node jobs again, or let a suspended job go on."),
            Entry("reservation", "reservation", "Set nodes aside for a time."),
            Entry("topology", "topology", "Draw a node's packages, memory, caches, cores and devices."),
        ),
    ),
    (
        "Queue",
        (
            Entry("partitions", "partitions", "List partitions, their nodes and limits."),
            Entry("qos", "qos", "List qualities of service."),
            Entry("shares", "shares", "Show the fair share of accounts and users."),
        ),
    ),
    (
        "Proof",
        (
            Entry("simulate", "simulate", "Try policies and settings on a workload trace."),
            Entry("bench", "bench", "Compare containers with bare metal."),
            Entry("certificate", "certificate", "Make and check signed proofs of what containers cost."),
            Entry("demo", "demo", "See all of it on this host, in three minutes."),
        ),
    ),
    (
        "Daemons and upkeep",
        (
            Entry("up", "up", "Start a controller and agents on this host."),
            Entry("controller", "controller", "Start a controller."),
            Entry("agent", "agent", "Start the agent of this node."),
            Entry("config", "config", "Show or check settings."),
            Entry("doctor", "doctor", "Say what this host lacks, and how to mend it."),
            Entry("journal", "journal", "Save what is whole of a damaged journal."),
            Entry("completion", "completion", "Print the script that completes commands in a shell."),
        ),
    ),
)

ENTRIES: dict[str, Entry] = {entry.name: entry for _, entries in SECTIONS for entry in entries}
