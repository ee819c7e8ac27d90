"""Tunings over a made-up /proc and /sys: what is changed, what is told, and what is put back."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcsched.agent.health import Health
from hpcsched.agent.prepare import prepared
from hpcsched.agent.tuning import Tuner
from hpcsched.agent.tuning_notes import TuningNotes
from hpcsched.config import HPC, AgentConfig, Tuning
from hpcsched.hardware.tunables import target
from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerSpec, DesiredContainer, TunedSetting
from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import Topology

THP = "sys/kernel/mm/transparent_hugepage/enabled"
BALANCING = "proc/sys/kernel/numa_balancing"
PARANOID = "proc/sys/kernel/perf_event_paranoid"
BOOT = "proc/sys/kernel/random/boot_id"
TUNINGS = {
    "hpc": HPC,
    "none": Tuning(),
    "balanced": Tuning(numa_balancing=1),
    "quiet": Tuning(numa_balancing=0, perf_event_paranoid=-1),
}
ALL = IdSet.parse("0-3")


class Node:
    """`root` holds four CPUs in two cpufreq policies and three interrupts."""

    def __init__(self, folder: Path) -> None:
        self.root, self.shared, self.folder = folder / "root", folder / "shared", folder
        self.write(THP, "always [madvise] never\n")
        self.write(BALANCING, "1\n")
        self.write(PARANOID, "2\n")
        self.write(BOOT, "first\n")
        self.write("sys/devices/system/cpu/online", "0-3\n")
        for cpu in range(4):
            self.link(f"sys/devices/system/cpu/cpu{cpu}/cpufreq", f"sys/devices/system/cpu/cpufreq/policy{cpu // 2 * 2}")
        for number, cpus in ((24, "0-3"), (25, "1"), (26, "3")):
            self.write(f"proc/irq/{number}/smp_affinity_list", f"{cpus}\n")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def link(self, path: str, to: str) -> None:
        self.write(f"{to}/scaling_governor", "schedutil\n")
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).symlink_to(self.root / to)

    def read(self, path: str) -> str:
        return (self.root / path).read_text().strip()

    def governors(self) -> list[str]:
        return [self.read(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor") for cpu in range(4)]

    def interrupts(self) -> list[str]:
        return [self.read(f"proc/irq/{number}/smp_affinity_list") for number in (24, 25, 26)]

    def tuner(self, agent: str = "agent1") -> Tuner:
        (self.folder / agent).mkdir(exist_ok=True)
        return Tuner(self.folder / agent, TUNINGS, self.shared, self.root)

    def noted(self) -> bool:
        return (self.shared / "notes.json").exists()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def cpus(text: str) -> IdSet:
    return IdSet.parse(text)


def by_name(settings: tuple[TunedSetting, ...]) -> dict[str, tuple[str, str, str]]:
    return {item.name: (item.before, item.asked, item.observed) for item in settings}


def test_each_setting_is_changed_and_told_as_before_asked_and_read_back(node: Node) -> None:
    told = by_name(node.tuner().apply("job1", "quiet", ALL))
    assert told == {"numa_balancing": ("1", "0", "0"), "perf_event_paranoid": ("2", "-1", "-1")}
    assert (node.read(BALANCING), node.read(PARANOID)) == ("0", "-1")


def test_what_was_changed_is_put_back_and_nothing_stays_noted(node: Node) -> None:
    tuner = node.tuner()
    tuner.apply("job1", "hpc", cpus("0-1"))
    assert node.noted()
    tuner.restore("job1")
    assert (node.read(BALANCING), node.governors(), node.interrupts()) == ("1", ["schedutil"] * 4, ["0-3", "1", "3"])
    assert not node.noted()


def test_the_governor_is_changed_on_the_policies_of_the_jobs_cpus_alone(node: Node) -> None:
    told = by_name(node.tuner().apply("job1", "hpc", cpus("0-1")))
    assert told["governor"] == ("schedutil", "performance", "performance")
    assert node.governors() == ["performance", "performance", "schedutil", "schedutil"]


def test_interrupts_leave_the_jobs_cpus_and_others_are_not_touched(node: Node) -> None:
    told = by_name(node.tuner().apply("job1", "hpc", cpus("0-1")))
    assert told["irq_affinity"] == ("2 on the job's CPUs", "housekeeping", "housekeeping")
    assert node.interrupts() == ["2-3", "2-3", "3"]


def test_a_job_with_every_cpu_leaves_interrupts_where_they_are_and_says_so(node: Node) -> None:
    told = by_name(node.tuner().apply("job1", "hpc", ALL))
    assert told["irq_affinity"][2] == "absent: the job has all CPUs"
    assert node.interrupts() == ["0-3", "1", "3"]


def test_what_the_node_lacks_is_named_and_the_rest_is_done(node: Node) -> None:
    (node.root / THP).unlink()
    for cpu in range(4):
        (node.root / f"sys/devices/system/cpu/cpu{cpu}/cpufreq").unlink()
    told = by_name(node.tuner().apply("job1", "hpc", cpus("0-1")))
    assert told["governor"] == ("", "performance", "absent: no cpufreq")
    assert told["transparent_hugepage"][2].startswith("absent: ")
    assert told["numa_balancing"] == ("1", "0", "0")
    assert not (node.root / THP).exists()


def test_a_value_that_reads_back_otherwise_is_told_as_it_reads(node: Node) -> None:
    """core(5)'s filter takes a number and shows it with eight digits."""
    filter_of_dumps = Path("/proc/self/coredump_filter")
    before = filter_of_dumps.read_text().strip()
    (node.root / PARANOID).unlink()
    (node.root / PARANOID).symlink_to(filter_of_dumps)
    told = by_name(Tuner(node.folder, {"two": Tuning(perf_event_paranoid=2)}, node.shared, node.root).apply("job1", "two", ALL))
    filter_of_dumps.write_text(f"0x{before}")
    assert told["perf_event_paranoid"] == (before, "2", "00000002")


def refusing(node: Node, path: str) -> None:
    """A link to a file that takes nothing: /proc/version can be read by all and written by nobody."""
    (node.root / path).unlink()
    (node.root / path).symlink_to("/proc/version")


def test_a_setting_that_cannot_be_written_is_named_and_the_job_has_the_others(node: Node) -> None:
    refusing(node, BALANCING)
    tuner = node.tuner()
    told = by_name(tuner.apply("job1", "quiet", ALL))
    assert "cannot be changed: E" in told["numa_balancing"][2]
    assert told["perf_event_paranoid"][2] == "-1"
    tuner.restore("job1")
    assert (node.read(PARANOID), node.noted()) == ("2", False)


def test_an_interrupt_that_the_kernel_does_not_let_go_is_counted_and_named(node: Node) -> None:
    managed = node.root / "proc/irq/25/smp_affinity_list"
    managed.unlink()
    managed.symlink_to("/sys/devices/system/cpu/online")
    (node.root / "proc/irq/25/disk0").mkdir()
    told = by_name(node.tuner().apply("job1", "hpc", cpus("0")))
    assert told["irq_affinity"][2] in [f"1 of 2 stay: 25 disk0 ({why})" for why in ("EACCES", "EIO", "EPERM", "EROFS")]
    assert node.read("proc/irq/24/smp_affinity_list") == "1-3"


def test_someone_elses_change_in_between_is_kept(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    tuner = node.tuner()
    tuner.apply("job1", "quiet", ALL)
    node.write(PARANOID, "3\n")
    tuner.restore("job1")
    assert (node.read(PARANOID), node.read(BALANCING)) == ("3", "1")
    assert "left as it is" in caplog.text
    assert not node.noted()


def test_putting_back_twice_and_of_an_unknown_container_is_harmless(node: Node) -> None:
    tuner = node.tuner()
    tuner.restore("never")
    tuner.apply("job1", "quiet", ALL)
    tuner.restore("job1")
    node.write(BALANCING, "0\n")
    tuner.restore("job1")
    assert node.read(BALANCING) == "0"


def test_applying_twice_for_one_container_keeps_what_was_there_before(node: Node) -> None:
    node.tuner().apply("job1", "quiet", ALL)
    told = by_name(node.tuner().apply("job1", "quiet", ALL))
    assert told["numa_balancing"] == ("1", "0", "0")
    node.tuner().restore("job1")
    assert node.read(BALANCING) == "1"


def test_a_restarted_agent_puts_back_what_belongs_to_no_known_container(node: Node) -> None:
    node.tuner().apply("job1", "quiet", ALL)
    node.tuner().adopt({"job1"})
    assert node.read(BALANCING) == "0"
    node.tuner().adopt(set())
    assert (node.read(BALANCING), node.noted()) == ("1", False)


def test_a_crash_after_the_note_and_before_the_change_puts_nothing_else_there(node: Node) -> None:
    node.tuner().apply("job1", "quiet", ALL)
    node.write(BALANCING, "1\n")
    node.tuner().adopt(set())
    assert (node.read(BALANCING), node.noted()) == ("1", False)


def test_after_a_reboot_notes_are_void(node: Node) -> None:
    node.tuner().apply("job1", "quiet", ALL)
    node.write(BOOT, "second\n")
    node.tuner().adopt(set())
    assert (node.read(BALANCING), node.noted()) == ("0", False)


def test_of_two_agents_the_last_one_out_puts_back_what_was_before_the_first(node: Node) -> None:
    first, second = node.tuner("agent1"), node.tuner("agent2")
    first.apply("job1-a", "quiet", cpus("0-1"))
    told = by_name(second.apply("job1-b", "quiet", cpus("2-3")))
    assert told["numa_balancing"] == ("1", "0", "0")
    first.restore("job1-a")
    assert node.read(BALANCING) == "0"
    second.restore("job1-b")
    assert (node.read(BALANCING), node.read(PARANOID), node.noted()) == ("1", "2", False)


def test_of_two_jobs_that_disagree_the_older_decides_and_the_younger_is_told(node: Node) -> None:
    first, second = node.tuner("agent1"), node.tuner("agent2")
    first.apply("job1-a", "quiet", ALL)
    assert by_name(second.apply("job2-b", "balanced", ALL))["numa_balancing"] == ("1", "1", "0")
    first.restore("job1-a")
    assert node.read(BALANCING) == "1"
    second.restore("job2-b")
    assert (node.read(BALANCING), node.noted()) == ("1", False)


def test_interrupts_stay_off_the_cpus_of_both_jobs(node: Node) -> None:
    first, second = node.tuner("agent1"), node.tuner("agent2")
    first.apply("job1-a", "hpc", cpus("0-1"))
    second.apply("job2-b", "hpc", cpus("2"))
    assert node.interrupts() == ["3", "3", "3"]
    first.restore("job1-a")
    assert node.interrupts() == ["0-1,3", "1", "3"]
    second.restore("job2-b")
    assert node.interrupts() == ["0-3", "1", "3"]


def test_an_agent_does_not_put_back_what_another_living_agents_job_wants(node: Node) -> None:
    node.tuner("agent1").apply("job1-a", "quiet", ALL)
    node.tuner("agent2").adopt(set())
    assert node.read(BALANCING) == "0"


def test_what_an_agent_wanted_whose_folder_is_gone_is_put_back_by_the_next(node: Node) -> None:
    node.tuner("agent1").apply("job1-a", "quiet", ALL)
    (node.folder / "agent1").rmdir()
    node.tuner("agent2").adopt(set())
    assert (node.read(BALANCING), node.noted()) == ("1", False)


def test_without_a_place_for_notes_nothing_is_changed_and_that_is_told(node: Node) -> None:
    node.shared.write_text("a file is in the way")
    told = by_name(node.tuner().apply("job1", "quiet", ALL))
    assert told["numa_balancing"][2].startswith("not changed: cannot note what it was: ")
    assert node.read(BALANCING) == "1"


LAST = Path("/proc/sys/kernel/cap_last_cap")
"""A number that nobody can write, root neither (capabilities(7))."""


def stuck_value() -> str:
    return LAST.read_text()


@pytest.fixture
def stuck(node: Node) -> Tuner:
    """A job is over that has left a setting which nobody can write now."""
    (node.folder / "agent1").mkdir()
    tuner = Tuner(node.folder / "agent1", {"odd": Tuning(numa_balancing=int(stuck_value()))}, node.shared, node.root)
    tuner.apply("job1", "odd", ALL)
    (node.root / BALANCING).unlink()
    (node.root / BALANCING).symlink_to(LAST)
    tuner.restore("job1")
    return tuner


def mended(node: Node, now: str) -> None:
    (node.root / BALANCING).unlink()
    node.write(BALANCING, now)


def test_what_cannot_be_put_back_stays_noted_and_is_a_fault(node: Node, stuck: Tuner) -> None:
    (told,) = stuck.faults()
    assert told == f"numa_balancing could not be put back to 1: EACCES ({node.root / BALANCING})"
    assert node.noted()


def test_what_could_not_be_put_back_is_so_when_someone_looks_again(node: Node, stuck: Tuner) -> None:
    mended(node, stuck_value())
    assert stuck.faults() == []
    assert (node.read(BALANCING), node.noted()) == ("1", False)


def test_what_could_not_be_put_back_is_so_after_the_next_job(node: Node, stuck: Tuner) -> None:
    other = node.tuner("agent2")
    other.apply("job2", "quiet", ALL)
    mended(node, stuck_value())
    other.restore("job2")
    assert (node.read(BALANCING), node.read(PARANOID), node.noted()) == ("1", "2", False)


def test_what_could_not_be_put_back_is_kept_by_a_restarted_agent(node: Node, stuck: Tuner) -> None:
    node.tuner("agent1").adopt(set())
    assert len(node.tuner("agent1").faults()) == 1


def test_a_job_that_wants_what_could_not_be_put_back_does_not_take_it_for_what_was_before(node: Node, stuck: Tuner) -> None:
    mended(node, stuck_value())
    other = node.tuner("agent2")
    assert by_name(other.apply("job2", "quiet", ALL))["numa_balancing"] == ("1", "0", "0")
    other.restore("job2")
    assert node.read(BALANCING) == "1"


def test_a_setting_that_an_admin_has_chosen_since_is_no_fault_any_more(node: Node, stuck: Tuner) -> None:
    mended(node, "2\n")
    assert stuck.faults() == []
    assert (node.read(BALANCING), node.noted()) == ("2", False)


def test_many_files_of_one_setting_make_one_fault(node: Node) -> None:
    (node.folder / "agent1").mkdir()
    tuner = Tuner(node.folder / "agent1", {"odd": Tuning(governor=stuck_value().strip())}, node.shared, node.root)
    tuner.apply("job1", "odd", ALL)
    places = [node.root / f"sys/devices/system/cpu/cpufreq/policy{cpu}/scaling_governor" for cpu in (0, 2)]
    for place in places:
        place.unlink()
        place.symlink_to(LAST)
    tuner.restore("job1")
    (told,) = tuner.faults()
    assert told == f"governor could not be put back to schedutil: EACCES ({places[0]} and 1 more)"


def test_a_crash_after_the_release_was_noted_and_before_the_change_is_made_good(node: Node) -> None:
    node.tuner().apply("job1", "quiet", ALL)
    notes = TuningNotes(node.shared, "first")
    with notes.opened() as found:
        for note in found:
            note.drop(lambda holder: True)
        notes.save(found)
    node.tuner().adopt(set())
    assert (node.read(BALANCING), node.read(PARANOID), node.noted()) == ("1", "2", False)


async def test_a_node_whose_settings_cannot_be_put_back_is_not_well_until_they_are(node: Node, stuck: Tuner) -> None:
    config = AgentConfig(state_dir=str(node.folder), disk_free="0")
    health = Health(config, NodeOffer("n1", Topology((), ()), IdSet(), 0, "0", "boot"), root=node.root, stuck=stuck.faults)
    await health.check()
    (told,) = health.faults
    assert told.startswith("numa_balancing could not be put back to 1: EACCES")
    mended(node, stuck_value())
    assert await health.faults_now() == ()


def test_a_torn_note_is_kept_and_a_fault_until_someone_takes_it_away_and_stops_no_job(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    node.shared.mkdir()
    (node.shared / "notes.json").write_text('{"boot_id": "fir')
    tuner = node.tuner()
    assert by_name(tuner.apply("job1", "quiet", ALL))["numa_balancing"] == ("1", "0", "0")
    assert "cannot read" in caplog.text
    tuner.restore("job1")
    (told,) = tuner.faults()
    damaged = node.shared / "notes.damaged"
    assert told.startswith(f"{damaged} cannot be read")
    assert damaged.read_text() == '{"boot_id": "fir'
    damaged.unlink()
    assert tuner.faults() == []


def test_a_note_that_was_torn_before_the_agent_came_is_a_fault(node: Node) -> None:
    node.shared.mkdir()
    (node.shared / "notes.json").write_text("{")
    assert len(node.tuner().faults()) == 1


def test_no_tuning_and_tuning_none_change_nothing_and_an_unknown_one_is_told(node: Node) -> None:
    assert node.tuner().apply("job1", "", ALL) == ()
    assert node.tuner().apply("job1", "none", ALL) == ()
    assert [item.observed for item in node.tuner().apply("job1", "nope", ALL)] == ["unknown to this node"]
    assert not node.noted()


def test_an_interrupt_goes_nowhere_else_when_all_cpus_are_taken() -> None:
    assert target("irq_affinity", "0-3", ["0-1", "2-3"], ALL) == "0-3"
    assert target("irq_affinity", "1", ["0-1"], ALL) == "2-3"
    assert target("irq_affinity", "0-2", ["0-1"], ALL) == "2"


@pytest.mark.parametrize(
    ("asked", "site", "given"), [("", "hpc", "hpc"), ("none", "hpc", "none"), ("hpc", "", "hpc"), ("", "", "")]
)
def test_a_job_that_asks_for_no_tuning_has_the_sites(asked: str, site: str, given: str) -> None:
    container = ContainerSpec("job1", "host", Binding(ALL, IdSet.parse("0")), "n1", tuning=asked)
    assert prepared(DesiredContainer(1, "lxc", container, None), "job1-x", site).container.tuning == given
