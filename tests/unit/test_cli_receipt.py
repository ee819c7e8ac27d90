"""Receipts: what each line says, when it gets which sign, and that scripts get what the schema promises."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from hpcsched.agent.receipt import check, check_tasks
from hpcsched.cli.context import Context
from hpcsched.cli.main import invoke
from hpcsched.cli.receipt import schema_text
from hpcsched.cli.receipt_fact import Fact
from hpcsched.cli.receipt_rows import receipt_table, receipts
from hpcsched.errors import BindingMismatch
from hpcsched.model.allocation import Allocation, Binding, HugePages, NodeBinding, TaskBinding
from hpcsched.model.container import (
    ContainerSpec,
    ContainerStatus,
    Observed,
    ObservedTask,
    OpenedDevice,
    Phase,
    Rlimit,
    Sampled,
    TunedSetting,
)
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobSpec, JobState, ResourceRequest, TaskBind
from hpcsched.testing.client import FakeClient

GOLDEN = Path(__file__).parents[1] / "golden"
SCHEMA = Path(__file__).parents[2] / "docs" / "receipt.schema.json"
GIB, MIB = 1 << 30, 1 << 20
GPU = "0000:65:00.0"
REQUEST = ResourceRequest(cores_per_node=2, gpus_per_node=1, hugepages=((2 * MIB, 512),), ntasks_per_node=2)
GRANTED = Binding(
    IdSet.parse("0-1"),
    IdSet.parse("0"),
    GIB,
    gpus=(GPU,),
    nics=("0000:17:00.0",),
    memory_split=((0, GIB),),
    hugepages=(HugePages(0, 2 * MIB, 512),),
    tasks=(TaskBinding(IdSet.parse("0"), IdSet.parse("0"), (GPU,)), TaskBinding(IdSet.parse("1"), IdSet.parse("0"), (GPU,))),
)
SEEN = Observed(
    runtime="lxc",
    cpus=GRANTED.cpus,
    mems=GRANTED.mems,
    memory=GIB,
    cfs_quota=False,
    cgroup="/hpcsched/job-7",
    pid=4242,
    root="overlay",
    rlimits=(Rlimit("memlock", -1, -1), Rlimit("nofile", 1024, 4096)),
    devices=("/dev/null", "/dev/zero"),
    namespaces=("ipc", "mnt", "pid", "uts"),
    capabilities="00000000a80425fb",
    seccomp="2",
    speculation="thread vulnerable",
    kernel="6.1.0",
    clock_source="tsc",
    thp="madvise",
    governor="performance",
    numa_balancing="0",
    partition="root",
    partition_asked="root",
    pids_max=4096,
    hugepages=((2 * MIB, GIB),),
    opened=(OpenedDevice("/dev/nvidia0", True, "ok"), OpenedDevice("/dev/nvidia1", False, "EPERM")),
    drivers=(("nvidia", "550.54.15"),),
    tuning=(TunedSetting("transparent_hugepage", "madvise", "always", "always"),),
    tasks=(ObservedTask(IdSet.parse("0"), "prefer (many):0"), ObservedTask(IdSet.parse("1"), "prefer (many):0")),
)
SAMPLED = Sampled(samples=12, misplaced=0.004, migrations=3, throttled=-1, steal=0.0)
BARE = {"runtime": "baremetal", "namespaces": ()}


def job(
    *seen: Observed | None,
    runtime: str = "lxc",
    granted: Binding = GRANTED,
    request: ResourceRequest = REQUEST,
    sampled: Sampled | None = None,
    image: str = "host",
) -> Job:
    """A running job with a node for each."""
    bindings = tuple(NodeBinding(f"n{rank}", granted) for rank in range(1, len(seen) + 1))
    parts = tuple(ContainerStatus(7, Phase.RUNNING, one, sampled=sampled) if one else None for one in seen)
    spec = JobSpec(("true",), resources=request, runtime=runtime, image=image)
    return Job(7, spec, "r", JobState.RUNNING, 0.0, allocation=Allocation(bindings), parts=parts)


def facts(one: Job) -> dict[str, Fact]:
    """Of its first node, by name."""
    return {fact.what: fact for fact in receipts(one)[0].facts}


def signed(one: Job, sign: str) -> list[str]:
    return [what for what, fact in facts(one).items() if fact.sign == sign]


def seen(**changes: Any) -> Observed:
    return dataclasses.replace(SEEN, **changes)


def printed(one: Job, width: int = 110) -> str:
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        console.print(receipt_table(one))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def test_a_receipt_is_shown_as_a_table() -> None:
    one = job(
        SEEN, seen(cpus=IdSet.parse("0"), governor="", partition="root invalid (Cpu list in cpuset.cpus not exclusive)"), None
    )
    assert printed(one) == (GOLDEN / "receipt-table.txt").read_text()


def test_a_container_as_granted_has_neither_cross_nor_wave() -> None:
    one = job(SEEN)
    assert signed(one, "✗") == signed(one, "~") == []
    assert signed(one, "✓") == [
        "runtime",
        "cpus",
        "mems",
        "partition",
        "memory",
        "CFS quota",
        "namespaces",
        "huge pages",
        "granted devices",
        "refused devices",
        "task 0",
        "task 1",
        "tuning transparent_hugepage",
    ]


DIFFERENT = [
    ("runtime", {"runtime": "baremetal"}),
    ("cpus", {"cpus": IdSet.parse("0-2")}),
    ("mems", {"mems": IdSet.parse("0-1")}),
    ("memory", {"memory": 2 * GIB}),
    ("memory", {"memory": 0}),
    ("CFS quota", {"cfs_quota": True}),
    ("namespaces", {"namespaces": ("mnt",)}),
    ("huge pages", {"hugepages": ((2 * MIB, 2 * GIB),)}),
    ("huge pages", {"hugepages": ()}),
    ("huge pages", {"hugepages": ((2 * MIB, GIB), (GIB, GIB))}),
    ("granted devices", {"opened": (OpenedDevice("/dev/nvidia0", True, "EPERM"),)}),
    ("granted devices", {"opened": (OpenedDevice("/dev/nvidia0", True, "ENOENT"),)}),
    ("refused devices", {"opened": (OpenedDevice("/dev/nvidia1", False, "ok"),)}),
    ("refused devices", {"opened": (OpenedDevice("/dev/nvidia1", False, "ENXIO"),)}),
    ("task 1", {"tasks": (SEEN.tasks[0], ObservedTask(IdSet.parse("0-1")))}),
]


@pytest.mark.parametrize(("what", "changes"), DIFFERENT)
def test_what_differs_from_the_grant_gets_a_cross(what: str, changes: dict[str, object]) -> None:
    assert signed(job(seen(**changes)), "✗") == [what]


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("partition", {"partition": "isolated invalid (Cpu list in cpuset.cpus not exclusive)", "partition_asked": "isolated"}),
        ("partition", {"partition": ""}),
        ("granted devices", {"opened": (*SEEN.opened, OpenedDevice("/dev/nvidiactl", True, "ENXIO"))}),
        ("granted devices", {"opened": (OpenedDevice("/dev/nvidia0", True, "not tried"),)}),
        ("lacks", {"lacks": ("no hugetlb controller", "memlock cannot be raised")}),
        ("tuning governor", {"tuning": (TunedSetting("governor", "", "performance", "absent: no cpufreq"),)}),
    ],
)
def test_what_the_node_could_not_give_while_the_job_runs_has_a_sign_of_its_own(what: str, changes: dict[str, object]) -> None:
    one = job(seen(**changes))
    assert (signed(one, "~"), signed(one, "✗")) == ([what], [])


def test_a_page_size_that_nobody_was_given_is_left_out() -> None:
    assert facts(job(seen(hugepages=((2 * MIB, GIB), (GIB, 0)))))["huge pages"].observed == "512 × 2M"


@pytest.mark.parametrize("opened", [OpenedDevice("/dev/nvidia0", True, "ENXIO"), OpenedDevice("/dev/nvidia1", False, "ENOENT")])
def test_a_device_without_a_driver_is_given_and_one_that_is_gone_is_refused(opened: OpenedDevice) -> None:
    assert signed(job(seen(opened=(opened,))), "✗") == []
    assert not judged_by_agent(seen(opened=(opened,)))


def test_a_memory_limit_rounded_down_to_pages_is_as_granted() -> None:
    odd = dataclasses.replace(GRANTED, memory=GIB + 4097)
    assert signed(job(seen(memory=GIB + 4096), granted=odd), "✗") == []


def test_bare_metal_on_the_files_of_an_image_has_its_own_mounts_and_no_other_namespace() -> None:
    for namespaces, wrong in ((("mnt",), []), (("mnt", "pid"), ["namespaces"]), ((), ["namespaces"])):
        shown = seen(runtime="baremetal", namespaces=namespaces)
        assert signed(job(shown, runtime="baremetal", image="small"), "✗") == wrong


def test_bare_metal_has_no_namespaces_of_its_own() -> None:
    assert signed(job(seen(**BARE), runtime="baremetal"), "✗") == []
    assert signed(job(seen(runtime="baremetal"), runtime="baremetal"), "✗") == ["namespaces"]


def test_bare_metal_refuses_no_device_but_must_give_those_granted() -> None:
    bare = seen(**BARE, opened=(OpenedDevice("/dev/nvidia0", True, "EPERM"), OpenedDevice("/dev/nvidia1", False, "ok")))
    found = facts(job(bare, runtime="baremetal"))
    assert (found["granted devices"].sign, found["refused devices"].sign) == ("✗", "·")
    assert judged_by_agent(bare)
    assert not judged_by_agent(seen(**BARE, opened=bare.opened[1:]))


NOT_IN_THE_TABLE = {"pid"}


@pytest.mark.parametrize("name", [item.name for item in dataclasses.fields(Observed) if item.name not in NOT_IN_THE_TABLE])
def test_everything_that_the_kernel_showed_is_on_the_receipt(name: str) -> None:
    empty = {str: "", tuple: ("no hugetlb",) if name == "lacks" else (), IdSet: IdSet(), bool: True, int: 0}
    assert facts(job(seen(**{name: empty[type(getattr(SEEN, name))]}))) != facts(job(SEEN))


@pytest.mark.parametrize("name", [item.name for item in dataclasses.fields(Sampled)])
def test_everything_that_was_sampled_is_on_the_receipt(name: str) -> None:
    changed = dataclasses.replace(SAMPLED, **{name: 0.5 if isinstance(getattr(SAMPLED, name), float) else 77})
    assert facts(job(SEEN, sampled=changed)) != facts(job(SEEN, sampled=SAMPLED))


def test_what_the_node_cannot_sample_is_said_so() -> None:
    found = facts(job(SEEN, sampled=SAMPLED))
    said = {what: found[what].observed for what in ("samples", "misplaced memory", "migrations", "throttled", "steal", "others")}
    assert said == {
        "samples": "12",
        "misplaced memory": "0.4%",
        "migrations": "3",
        "throttled": "not shown by this node",
        "steal": "0.0%",
        "others": "not known",
    }


def test_a_node_that_has_shown_nothing_has_no_sign() -> None:
    found = facts(job(None))
    assert {fact.sign for fact in found.values()} == {"·"}
    assert {fact.observed for fact in found.values()} == {"not yet seen"}
    assert "1 of its nodes have not shown a container" in printed(job(None))


def test_a_job_that_was_never_granted_anything_says_so() -> None:
    waiting = Job(7, JobSpec(("true",)), "r", JobState.PENDING, 0.0)
    assert receipts(waiting) == []
    assert "the job is PENDING: nothing is granted yet" in printed(waiting)


@pytest.mark.parametrize(
    ("request_", "cpus", "mems"),
    [
        (ResourceRequest(), "all", "local to the cpus"),
        (ResourceRequest(3, 2), "2 cores, 3 cpus", "local to the cpus"),
        (ResourceRequest(cores_per_node=1, threads_per_core=1), "1 core, 1 thread of each core", "local to the cpus"),
        (ResourceRequest(threads_per_core=2, numa="spread"), "all, 2 threads of each core", "of all NUMA nodes"),
        (ResourceRequest(ntasks_per_node=4, cpus_per_task=2, numa="0,2"), "8 cpus", "NUMA 0,2"),
        (ResourceRequest(16, ntasks_per_node=4, cpus_per_task=2, numa="pack"), "16 cpus", "local to the cpus"),
    ],
)
def test_asked_names_what_was_asked(request_: ResourceRequest, cpus: str, mems: str) -> None:
    found = facts(job(SEEN, request=request_))
    assert (found["cpus"].asked, found["mems"].asked) == (cpus, mems)


def test_a_split_over_memory_nodes_is_named() -> None:
    split = dataclasses.replace(
        GRANTED,
        memory=3 * GIB,
        memory_split=((0, 2 * GIB), (1, GIB)),
        hugepages=(HugePages(0, 2 * MIB, 256), HugePages(1, 2 * MIB, 256)),
    )
    found = facts(job(SEEN, granted=split))
    assert found["memory"].granted == "3G (2G on 0, 1G on 1)"
    assert (found["huge pages"].granted, found["huge pages"].observed) == ("256 × 2M on 0, 256 × 2M on 1", "512 × 2M")
    assert found["huge pages"].sign == "✓"


def test_each_task_has_its_line() -> None:
    found = facts(job(SEEN, request=ResourceRequest(ntasks_per_node=2, cpus_per_task=1)))
    assert found["task 1"] == Fact("task 1", "1 cpu", f"1, mems 0, {GPU}", "1, memory prefers 0", found["task 0"].verdict)
    assert facts(job(SEEN, request=ResourceRequest(ntasks_per_node=2, bind=TaskBind.NONE)))["task 0"].asked == "none"
    assert facts(job(seen(tasks=())))["task 0"].observed == "not yet seen"
    unknown = facts(job(seen(tasks=(ObservedTask(IdSet()),))))["task 0"]
    assert (unknown.observed, unknown.sign) == ("not shown by this node", "·")


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("prefer:1", "memory prefers 1"),
        ("prefer (many):0-1", "memory prefers 0-1"),
        ("bind:0", "memory is bound to 0"),
        ("interleave:0-1", "memory is interleaved over 0-1"),
        ("weighted interleave:0-1", "memory is interleaved by weight over 0-1"),
        ("local", "memory local"),
        ("mode 9:0", "memory mode 9 0"),
    ],
)
def test_the_memory_policy_of_a_task_is_told_in_words(policy: str, told: str) -> None:
    assert facts(job(seen(tasks=(ObservedTask(IdSet.parse("0"), policy),))))["task 0"].observed == f"0, {told}"


def test_the_rows_of_devices_say_where_their_nodes_are() -> None:
    granted, refused = SEEN.opened
    none = dataclasses.replace(GRANTED, gpus=(), nics=())
    asked = ResourceRequest(gpus_per_node=0)
    assert [facts(job(SEEN))[what].observed for what in ("GPUs", "NICs")] == ["see granted devices"] * 2
    assert facts(job(seen(opened=(refused,))))["GPUs"].observed == "not shown by this node"
    assert facts(job(seen(opened=(refused,)), granted=none, request=asked))["GPUs"].observed == "see refused devices"
    assert facts(job(seen(opened=(granted,)), granted=none, request=asked))["GPUs"].observed == ""


def test_a_job_without_gpus_tasks_or_huge_pages_has_no_lines_for_them() -> None:
    plain = Binding(GRANTED.cpus, GRANTED.mems, GIB)
    bare = seen(opened=(), tasks=(), hugepages=(), drivers=(), tuning=(), partition="", partition_asked="")
    found = facts(job(bare, granted=plain, request=ResourceRequest()))
    words = ("GPUs", "NICs", "granted devices", "refused devices", "huge pages", "task 0", "drivers", "partition")
    assert [word for word in words if word in found] == []
    assert facts(job(bare, granted=plain, request=ResourceRequest(gpus_per_node=0)))["GPUs"].granted == "none"


def test_a_node_without_partitions_of_which_none_was_asked_has_no_line_for_them() -> None:
    assert "partition" not in facts(job(seen(partition="", partition_asked="member")))
    assert facts(job(seen(partition="member", partition_asked="member")))["partition"].sign == "✓"


def test_a_receipt_folds_into_eighty_columns_and_loses_nothing() -> None:
    long = seen(cgroup="/hpcsched/" + "x" * 200, opened=tuple(OpenedDevice(f"/dev/nvidia{n}", True, "ok") for n in range(16)))
    text = printed(job(long), 80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("x") >= 200
    assert sum(f"nvidia{number}" in text for number in range(16)) == 16


def test_a_receipt_of_one_node_names_it_in_its_title() -> None:
    assert printed(job(SEEN)).startswith("job 7 on n1: asked, granted, observed\n")
    assert printed(job(SEEN, SEEN)).startswith("job 7: asked, granted, observed\n")


def test_what_a_node_reports_is_not_taken_for_markup() -> None:
    assert "[red]x[/red]" in printed(job(seen(cgroup="/[red]x[/red]\x1b")))


def judged_by_agent(observed: Observed) -> bool:
    """The agent ends such a job."""
    spec = ContainerSpec("job-7", "host", GRANTED, "n1")
    try:
        check(spec, observed)
        check_tasks(GRANTED, observed.tasks)
    except BindingMismatch:
        return True
    return False


RECORDED_BY_THE_AGENT = ("runtime", "namespaces")


@pytest.mark.parametrize(("what", "changes"), [case for case in DIFFERENT if case[0] not in RECORDED_BY_THE_AGENT])
def test_a_cross_is_what_ends_the_job(what: str, changes: dict[str, object]) -> None:
    assert not judged_by_agent(SEEN)
    assert judged_by_agent(seen(**changes)), what


def receipt_json(one: Job, capsys: pytest.CaptureFixture[str]) -> Any:
    context = Context(connect=lambda address: FakeClient([one]))  # type: ignore[arg-type,return-value]
    assert invoke(["receipt", "7", "--output", "json"], context) == 0
    return json.loads(capsys.readouterr().out)


def test_scripts_get_the_names_of_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    broken = (OpenedDevice("/dev/nvidia0", True, "EIO"),)
    one = job(seen(cpus=IdSet.parse("0"), partition="root invalid", opened=broken), SEEN, None)
    found = receipt_json(one, capsys)
    assert [part["differs"] for part in found] == [["cpus"], [], []]
    assert [part["degraded"] for part in found] == [["partition", "granted devices"], [], []]
    assert found[2]["observed"] is None


def test_what_is_printed_is_what_the_schema_says(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    full = receipt_json(job(SEEN, None, sampled=SAMPLED), capsys)
    jsonschema.validate(full, schema)
    full[0]["binding"]["cpus"] = "zero"
    with pytest.raises(jsonschema.ValidationError, match="zero"):
        jsonschema.validate(full, schema)


def test_the_schema_names_every_key_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(schema_text())
    closed = json.loads(
        schema_text(), object_hook=lambda found: {**found, "additionalProperties": False} if "properties" in found else found
    )
    printed_ = receipt_json(job(SEEN, sampled=SAMPLED), capsys)
    jsonschema.validate(printed_, closed)
    assert closed != schema
    printed_[0]["observed"]["colour"] = "red"
    with pytest.raises(jsonschema.ValidationError, match="colour"):
        jsonschema.validate(printed_, closed)


def test_the_schema_in_the_documents_is_the_one_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """After a change of the nouns: hpcsched receipt --schema > docs/receipt.schema.json"""
    assert invoke(["receipt", "--schema"]) == 0
    assert capsys.readouterr().out == SCHEMA.read_text()
