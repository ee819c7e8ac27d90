"""Works under the supervisor alone: whatever is wanted of one, each position runs once for as long as it is wanted."""

import asyncio
import os
import random
import signal

import pytest

from hpcsched.model.container import EndCause, StepSpec
from hpcsched.model.idset import IdSet
from hpcsched.model.ranges import count, normal, without
from hpcsched.runtimes.base import TaskSlot, WorkOrder, WorkWish
from hpcsched.runtimes.supervisor import InitSupervisor
from tests.containers import DEADLINE_S, eventually
from tests.integration.daemons import runs

ENV = (("PATH", os.environ["PATH"]),)
CPU = IdSet.of(sorted(os.sched_getaffinity(0))[:1])


def order(script, slots=3, **fields):
    command = StepSpec(0, ("/bin/sh", "-c", script), output_cap=1 << 20)
    return WorkOrder(command, (TaskSlot(CPU, IdSet(), (("SLOT", "mine"),)),) * slots, **{"numbered": True, **fields})


def wish(*ranges, **fields):
    return WorkWish(tuple((first, end, 1000 + first, 1) for first, end in ranges), **{"grace_s": 0.1, **fields})


@pytest.fixture
async def supervisor(path):
    found = await InitSupervisor.connect(path, ENV)
    yield found
    await found.close()


async def until(supervisor, job_id, condition):
    """Its progress once that holds."""
    news = asyncio.Event()
    supervisor.on_news(lambda job_id: news.set())
    async with asyncio.timeout(DEADLINE_S):
        while not condition(progress := await supervisor.progress(job_id)):
            await news.wait()
            news.clear()
    return progress


def ended(tasks):
    return lambda progress: count(progress.status.done) + len(progress.status.ended) >= tasks


async def give(supervisor, given, output=-1, job_id=7):
    await supervisor.give_work(job_id, given, output)


async def test_each_position_runs_once_for_as_long_as_it_is_wanted(supervisor, tmp_path):
    """Random wishes, some of them twice, and now and then another connection, as of an agent that was killed."""
    source, size = random.Random(2026), 400
    noted, ran = (), tmp_path / "ran"
    await give(supervisor, order(f"echo $HPCSCHED_ARRAY_TASK_ID >> {ran}; exit $((HPCSCHED_ARRAY_TASK_ID % 3))"))
    while count(noted) < size:
        wanted = list(without(((0, size),), noted))
        source.shuffle(wanted)
        for _ in range(source.randrange(1, 3)):
            await supervisor.want(7, wish(*wanted))
        some = min(source.randrange(1, 60), count(tuple(wanted)))
        progress = await until(supervisor, 7, ended(some))
        noted = normal((*noted, *progress.status.done, *((end.position, end.position + 1) for end in progress.status.ended)))
    assert sorted(map(int, ran.read_text().split())) == list(range(1000, 1000 + size))


async def test_an_end_that_is_wanted_still_is_told_to_whoever_connects(supervisor, path):
    await give(supervisor, order("exit $((HPCSCHED_ARRAY_TASK_ID % 2))"))
    await supervisor.want(7, wish((0, 10)))
    before = await until(supervisor, 7, ended(10))
    other = await InitSupervisor.connect(path, ENV)
    assert (await other.progress(7)).status == before.status
    await other.want(7, wish((3, 5)))
    after = (await other.progress(7)).status
    assert (after.done, [end.position for end in after.ended], after.started) == (((4, 5),), [3], 10)
    await other.close()


async def test_no_more_tasks_run_at_once_than_there_are_slots(supervisor, tmp_path):
    script = f"mkdir {tmp_path}/r$$; ls -d {tmp_path}/r* | wc -l >> {tmp_path}/seen; sleep 0.02; rmdir {tmp_path}/r$$"
    await give(supervisor, order(script, slots=3))
    await supervisor.want(7, wish((0, 40)))
    await until(supervisor, 7, ended(40))
    assert max(map(int, (tmp_path / "seen").read_text().split())) == 3


async def test_what_a_task_leaves_in_the_background_ends_with_it(supervisor, tmp_path):
    await give(supervisor, order(f"sleep 1000 & echo $! > {tmp_path}/pid"))
    await supervisor.want(7, wish((0, 1)))
    await until(supervisor, 7, ended(1))
    pid = int((tmp_path / "pid").read_text())
    await eventually(lambda: not runs(pid), "it has ended")


async def test_a_task_that_ignores_sigterm_is_killed_after_its_grace(supervisor, tmp_path):
    await give(supervisor, order(f"trap '' TERM; touch {tmp_path}/told$$; while :; do sleep 0.05; done"))
    await supervisor.want(7, wish((0, 3)))
    await eventually(lambda: len(list(tmp_path.glob("told*"))) == 3, "all ignore it")
    await supervisor.want(7, wish((0, 3), cancel=True))
    progress = await until(supervisor, 7, lambda progress: progress.running == 0)
    assert {(end.cause, end.signal) for end in progress.status.ended} == {(EndCause.CANCELLED, signal.SIGKILL)}


async def test_what_runs_and_is_not_wanted_any_more_is_ended_and_the_next_takes_its_slot(supervisor):
    await give(supervisor, order("test $HPCSCHED_ARRAY_TASK_ID = 1002 || sleep 1000", slots=2))
    await supervisor.want(7, wish((0, 3)))
    await until(supervisor, 7, lambda progress: progress.running == 2)
    await supervisor.want(7, wish((1, 3)))
    status = (await until(supervisor, 7, ended(1))).status
    assert (status.done, status.ended, status.started) == (((2, 3),), (), 3)
    await supervisor.want(7, wish((1, 3), cancel=True))
    await until(supervisor, 7, lambda progress: progress.running == 0)


async def test_a_time_limit_that_comes_later_counts_from_the_start_of_the_task(supervisor):
    await give(supervisor, order("sleep 1000"))
    await supervisor.want(7, wish((0, 2)))
    await until(supervisor, 7, lambda progress: progress.running == 2)
    await supervisor.want(7, wish((0, 2), time_limit_s=1))
    progress = await until(supervisor, 7, ended(2))
    assert {end.cause for end in progress.status.ended} == {EndCause.TIMEOUT}


async def test_of_very_many_failures_the_rest_is_told_when_the_first_are_noted(supervisor):
    await give(supervisor, order("exit 3", slots=8))
    await supervisor.want(7, wish((0, 1500)))
    await until(supervisor, 7, lambda progress: progress.status.started == 1500 and not progress.running)
    first = (await supervisor.progress(7)).status.ended
    assert [end.position for end in first] == list(range(1000))
    await supervisor.want(7, wish((1000, 1500)))
    assert [end.position for end in (await supervisor.progress(7)).status.ended] == list(range(1000, 1500))


async def test_a_dropped_work_is_killed_and_forgotten_and_may_begin_anew(supervisor, tmp_path):
    await give(supervisor, order("sleep 1000"))
    await supervisor.want(7, wish((0, 2)))
    await until(supervisor, 7, lambda progress: progress.running == 2)
    await supervisor.drop_work(7)
    assert (await supervisor.progress(7)).status.started == 0
    await give(supervisor, order("true"))
    await supervisor.want(7, wish((0, 2)))
    assert (await until(supervisor, 7, ended(2))).status.done == ((0, 2),)


async def test_a_slots_variables_win_over_the_commands(supervisor, tmp_path):
    command = StepSpec(0, ("/bin/sh", "-c", f"echo $SLOT $OTHER > {tmp_path}/out"), (("SLOT", "theirs"), ("OTHER", "kept")))
    await give(supervisor, WorkOrder(command, (TaskSlot(CPU, IdSet(), (("SLOT", "mine"),)),)))
    await supervisor.want(7, wish((0, 1)))
    await until(supervisor, 7, ended(1))
    assert (tmp_path / "out").read_text() == "mine kept\n"


async def test_the_cpu_time_of_all_that_ended_is_told_to_whoever_connects_noted_or_not(supervisor, path):
    burn = "import time; x = bytearray(50 << 20)\nwhile time.process_time() < 0.2: pass"
    await give(supervisor, WorkOrder(StepSpec(0, ("python3", "-c", burn)), (TaskSlot(CPU, IdSet()),), numbered=True))
    await supervisor.want(7, wish((0, 1)))
    first = (await until(supervisor, 7, ended(1))).status
    assert 0.2 <= first.cpu_s < 2
    assert 50 << 20 <= first.max_rss < 200 << 20
    await supervisor.want(7, wish((1, 2)))
    second = (await until(supervisor, 7, lambda progress: progress.status.done == ((1, 2),))).status
    assert second.cpu_s >= first.cpu_s + 0.2
    other = await InitSupervisor.connect(path, ENV)
    assert (await other.progress(7)).status == second
    await other.close()


async def test_a_work_of_a_job_that_was_restarted_takes_the_place_of_the_former(supervisor):
    await give(supervisor, order("exit 3"))
    await supervisor.want(7, wish((0, 2)))
    await until(supervisor, 7, ended(2))
    await give(supervisor, order("exit 4"))
    assert {end.exit_code for end in (await supervisor.progress(7)).status.ended} == {3}
    await give(supervisor, order("exit 4", restarts=1))
    assert (await supervisor.progress(7)).status.started == 0
    await supervisor.want(7, wish((0, 2)))
    await until(supervisor, 7, ended(2))
    assert {end.exit_code for end in (await supervisor.progress(7)).status.ended} == {4}


async def test_what_runs_of_a_restarted_work_is_killed(supervisor, tmp_path):
    await give(supervisor, order(f"echo $$ > {tmp_path}/pid; sleep 1000"))
    await supervisor.want(7, wish((0, 1)))
    await eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "it runs")
    await give(supervisor, order("true", restarts=1))
    await eventually(lambda: not runs(int((tmp_path / "pid").read_text())), "it has ended")


DAEMON = "setsid sh -c 'setsid sleep 1000 & echo $! > {0}/inner; exec sleep 1000' & echo $! > {0}/outer"


def pids(folder):
    names = [folder / "inner", folder / "outer"]
    return [int(path.read_text() or 0) if path.exists() else 0 for path in names]


async def test_what_a_task_leaves_in_sessions_of_its_own_ends_with_it(supervisor, tmp_path):
    """Also when a process that it left has left others."""
    await give(supervisor, order(DAEMON.format(tmp_path) + f"; until [ -e {tmp_path}/go ]; do sleep 0.01; done"))
    await supervisor.want(7, wish((0, 1)))
    await eventually(lambda: all(map(runs, pids(tmp_path))), "both run")
    (tmp_path / "go").touch()
    await until(supervisor, 7, ended(1))
    await eventually(lambda: not any(map(runs, pids(tmp_path))), "both have ended")


async def test_what_another_task_left_behind_while_it_runs_goes_on(supervisor, tmp_path):
    await give(supervisor, order(f"if [ $HPCSCHED_ARRAY_TASK_ID = 1000 ]; then ({DAEMON.format(tmp_path)}); sleep 1000; fi"))
    await supervisor.want(7, wish((0, 1)))
    await eventually(lambda: all(map(runs, pids(tmp_path))), "both run")
    await supervisor.want(7, wish((0, 9)))
    await until(supervisor, 7, ended(8))
    assert all(map(runs, pids(tmp_path)))
    await supervisor.drop_work(7)
    await eventually(lambda: not any(map(runs, pids(tmp_path))), "both end with the task")


async def test_what_a_step_leaves_behind_goes_on_when_a_task_ends(supervisor, tmp_path):
    await supervisor.spawn(StepSpec(1, ("/bin/sh", "-c", DAEMON.format(tmp_path))), -1)
    await supervisor.wait(1)
    await eventually(lambda: all(map(runs, pids(tmp_path))), "both run")
    await give(supervisor, order("true"))
    await supervisor.want(7, wish((0, 5)))
    await until(supervisor, 7, ended(5))
    assert all(map(runs, pids(tmp_path)))
    for pid in pids(tmp_path):
        os.kill(pid, signal.SIGKILL)
