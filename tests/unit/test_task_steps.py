"""The tasks of a job on one node: what each is told, and how they end together."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hpcsched.agent.receipt import check_tasks
from hpcsched.agent.steps import step_id_of
from hpcsched.agent.tasks import MAX_TASKS, Ending, Tasks, ending, steps_of, threads_env
from hpcsched.errors import BindingMismatch, ContainerGone, DeviceFailure, RuntimeFailure
from hpcsched.model.allocation import Binding, TaskBinding
from hpcsched.model.container import ContainerSpec, DesiredContainer, ObservedTask, StepExit, StepSpec
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Topology
from hpcsched.testing.nouns import topology

PAIR = (TaskBinding(IdSet.parse("0,4"), IdSet.parse("0")), TaskBinding(IdSet.parse("2-3,6-7"), IdSet.parse("1"), ("gpu1",)))
COMMAND = StepSpec(0, ("./solve", "x"), (("PATH", "/bin"), ("HPCSCHED_CPUS", "0,2-4,6-7")), "/tmp", output_cap=9)
NAMES = ("task 8", "task 9", "task 10")


def a_container(tasks=PAIR, first_task=0):
    binding = Binding(IdSet.parse("0,2-4,6-7"), IdSet.parse("0-1"), tasks=tasks)
    return DesiredContainer(1, "lxc", ContainerSpec("job1", "host", binding, "n1"), COMMAND, first_task=first_task)


def steps(desired, command=COMMAND, devices=lambda task: ()):
    return steps_of(desired, command, topology(), devices)


def env(step):
    return dict(step.env)


def test_each_task_is_a_step_with_its_own_part_of_the_binding():
    first, second = steps(a_container())
    assert (first.step_id, first.cpus, first.mems) == (0, IdSet.parse("0,4"), IdSet.parse("0"))
    assert (second.step_id, second.cpus, second.mems) == (1, IdSet.parse("2-3,6-7"), IdSet.parse("1"))
    for step in (first, second):
        assert (step.argv, step.workdir, step.output_cap, step.whole_lines) == (COMMAND.argv, "/tmp", 9, True)


def test_a_task_knows_its_number_on_the_node_and_over_all_nodes():
    numbers = [(env(step)["HPCSCHED_TASK_ID"], env(step)["HPCSCHED_LOCAL_TASK_ID"]) for step in steps(a_container(first_task=6))]
    assert numbers == [("6", "0"), ("7", "1")]


def test_a_task_is_told_its_own_cpus_and_threads_not_those_of_the_job():
    told = [(env(step)["HPCSCHED_CPUS"], env(step)["OMP_NUM_THREADS"], env(step)["OMP_PLACES"]) for step in steps(a_container())]
    assert told == [("0,4", "1", "{0,4}"), ("2-3,6-7", "2", "{2,6},{3,7}")]
    assert env(steps(a_container())[0])["PATH"] == "/bin"


def test_what_the_user_sets_wins_over_the_threads_and_not_over_the_tasks_number():
    mine = replace(COMMAND, env=(("OMP_NUM_THREADS", "7"), ("OMP_PROC_BIND", "spread"), ("HPCSCHED_TASK_ID", "99")))
    told = env(steps(a_container(), mine)[0])
    assert (told["OMP_NUM_THREADS"], told["OMP_PROC_BIND"], told["HPCSCHED_TASK_ID"]) == ("7", "spread", "0")
    assert told["OMP_PLACES"] == "{0,4}"


def test_a_task_is_told_its_own_gpus_not_those_of_the_job():
    mine = replace(COMMAND, env=(("HPCSCHED_GPUS", "gpu0,gpu1"),))
    assert [env(step)["HPCSCHED_GPUS"] for step in steps(a_container(), mine)] == ["", "gpu1"]


def test_a_task_sees_only_its_own_gpus():
    first, second = steps(a_container(), devices=lambda task: (("CUDA_VISIBLE_DEVICES", ",".join(task.gpus)),))
    assert (env(first)["CUDA_VISIBLE_DEVICES"], env(second)["CUDA_VISIBLE_DEVICES"]) == ("", "gpu1")


def test_a_job_without_tasks_runs_its_command_as_it_is():
    assert steps(a_container(tasks=())) == (COMMAND,)


def test_a_task_with_part_of_a_core_has_one_thread_in_that_part():
    assert dict(threads_env(IdSet.parse("4"), topology())) == {
        "OMP_NUM_THREADS": "1",
        "OMP_PLACES": "{4}",
        "OMP_PROC_BIND": "close",
    }


def test_without_cores_each_pu_is_a_place():
    assert dict(threads_env(IdSet.parse("3,9"), Topology((), ())))["OMP_PLACES"] == "{3},{9}"


def test_tasks_that_share_cpus_have_their_part_of_the_threads_and_bind_none_of_them():
    shared = tuple(TaskBinding(IdSet.parse("0-3,4-7"), IdSet.parse("0-1")) for _ in range(2))
    for step in steps(a_container(shared)):
        assert (env(step)["OMP_NUM_THREADS"], env(step)["OMP_PROC_BIND"]) == ("2", "false")
        assert "OMP_PLACES" not in env(step)


def test_more_tasks_than_cores_have_one_thread_each():
    assert dict(threads_env(IdSet.parse("0-1"), topology(), 3))["OMP_NUM_THREADS"] == "1"


@given(some.frozensets(some.integers(0, 7), min_size=1))
def test_the_places_are_the_tasks_pus_and_no_other(cpus):
    told = dict(threads_env(IdSet.of(cpus), topology()))
    places = [set(map(int, place.split(","))) for place in told["OMP_PLACES"][1:-1].split("},{")]
    assert set().union(*places) == cpus
    assert sum(map(len, places)) == len(cpus)
    assert len(places) == int(told["OMP_NUM_THREADS"])


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([StepExit(0, 0), StepExit(1, 0)], Ending(0)),
        ([StepExit(0, 0), StepExit(2, 3), StepExit(1, 2)], Ending(3, message="task 10: exit code 3")),
        ([StepExit(1, 2), StepExit(2, 3), StepExit(0, 0)], Ending(3, message="task 9: exit code 2")),
        ([StepExit(1, 2), StepExit(0, signal=11)], Ending(None, 11, message="task 9: exit code 2")),
        ([StepExit(0, signal=9), StepExit(1, 255)], Ending(255, message="task 8: killed by signal 9")),
        ([StepExit(0, signal=9), StepExit(1, 137)], Ending(None, 9, message="task 8: killed by signal 9")),
        ([StepExit(2, 4), StepExit(1, 127, failure="not found")], Ending(127, failure="task 9: not found")),
    ],
)
def test_the_worst_task_gives_the_code_and_the_first_to_fail_the_words(ends, expected):
    assert ending(ends, NAMES) == expected


def test_a_command_without_tasks_ends_without_words():
    assert ending([StepExit(0, 3)], ()) == Ending(3)
    assert ending([StepExit(0, 126, failure="cannot run it")], ()) == Ending(126, failure="cannot run it")


def test_a_task_on_other_pus_than_its_own_is_a_mismatch_that_names_it():
    seen = [ObservedTask(task.cpus) for task in PAIR]
    check_tasks(a_container().container.binding, seen)
    with pytest.raises(BindingMismatch, match="cpus of task 1 asked 2-3,6-7, the kernel shows 2"):
        check_tasks(a_container().container.binding, [seen[0], ObservedTask(IdSet.parse("2"))])
    with pytest.raises(BindingMismatch, match=r"cpus of task 0 asked 0,4, the kernel shows \(none\)"):
        check_tasks(a_container().container.binding, [ObservedTask(IdSet()), seen[1]])


@given(some.text())
def test_no_step_of_a_user_has_a_tasks_id(request_id):
    assert MAX_TASKS <= step_id_of(request_id) < 1 << 32


class Steps:
    """A supervisor whose steps end when the test says so; `refused`: by step id, what `spawn` raises."""

    def __init__(self, refused=None):
        self.refused, self.ends = refused or {}, {}

    async def spawn(self, step, output):
        self.ends[step.step_id] = asyncio.get_running_loop().create_future()
        if error := self.refused.get(step.step_id):
            self.end(step.step_id, StepExit(step.step_id, 127, failure=str(error)))
            raise error
        return 100 + step.step_id

    def end(self, step_id, end):
        self.ends[step_id].set_result(end)

    async def wait(self, step_id):
        return await asyncio.shield(self.ends[step_id])

    def shown(self, step_id):
        return ObservedTask(PAIR[step_id].cpus)


async def spawned(supervisor):
    tasks = Tasks(supervisor, steps(a_container()), 8)
    assert await tasks.spawn(-1) == (not supervisor.refused)
    return tasks


async def test_the_command_ends_when_the_last_task_has():
    supervisor = Steps()
    waiting = asyncio.create_task((await spawned(supervisor)).wait())
    supervisor.end(1, StepExit(1, 2))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not waiting.done()
    supervisor.end(0, StepExit(0, 0))
    assert await asyncio.wait_for(waiting, 5) == Ending(2, message="task 9: exit code 2")


async def test_a_task_that_cannot_be_started_is_told_while_the_others_still_run():
    tasks = await spawned(Steps({1: RuntimeFailure("command 'solve' not found")}))
    assert await asyncio.wait_for(tasks.wait(), 5) == Ending(127, failure="task 9: command 'solve' not found")


@pytest.mark.parametrize("error", [ContainerGone("gone"), BindingMismatch("cpus", "1", "0"), DeviceFailure("no")])
async def test_what_is_not_the_commands_fault_is_raised(error):
    with pytest.raises(type(error)):
        await Tasks(Steps({0: error}), steps(a_container()), 0).spawn(-1)


async def test_what_the_kernel_showed_is_there_by_task_and_only_for_tasks():
    assert (await spawned(Steps())).observed() == (ObservedTask(PAIR[0].cpus), ObservedTask(PAIR[1].cpus))
    assert Tasks(Steps(), (COMMAND,), 0).observed() == ()


async def test_what_was_started_is_waited_for_and_never_started_again():
    supervisor = Steps()
    await spawned(supervisor)
    again = Tasks(supervisor, steps(a_container()), 8, started=True)
    running = dict(supervisor.ends)
    assert (await again.spawn(-1), again.observed()) == (False, ())
    assert supervisor.ends == running
    supervisor.end(0, StepExit(0, 0))
    supervisor.end(1, StepExit(1, 5))
    assert await asyncio.wait_for(again.wait(), 5) == Ending(5, message="task 9: exit code 5")
