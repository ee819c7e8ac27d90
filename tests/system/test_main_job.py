"""The main job on real containers, through the client, the command line and plain reflection."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from hpcsched.client import JobSpec, ResourceRequest
from hpcsched.model.container import EndCause, Mount
from hpcsched.model.job import JobState, Reason
from hpcsched.model.node import NodeState
from tests.integration.daemons import DEADLINE_S, eventually

pytestmark = pytest.mark.system
BOTH = pytest.mark.parametrize("runtime", ["lxc", "baremetal"])
MIB = 1 << 20


def sh(script, **options):
    return JobSpec(command=("/bin/sh", "-c", script), **options)


def run(up, spec):
    with up.client() as client:
        job = client.wait(client.submit(spec), DEADLINE_S)
        return job, client.output(job.id)


@BOTH
def test_a_job_runs_pinned_and_its_output_and_exit_code_come_back(up, runtime):
    job, output = run(up, sh("grep -E 's_allowed_list' /proc/self/status; echo oops >&2; exit 3", runtime=runtime))
    assert (job.state, job.reason, job.exit_code) == (JobState.FAILED, Reason.NON_ZERO_EXIT, 3)
    binding = job.allocation.bindings[0].binding
    assert f"Cpus_allowed_list:\t{binding.cpus}" in output.decode()
    assert f"Mems_allowed_list:\t{binding.mems}" in output.decode()
    assert b"oops" in output


@BOTH
def test_the_receipt_shows_what_the_kernel_allows_not_what_was_asked(up, runtime):
    job, _ = run(
        up, JobSpec(command=("true",), runtime=runtime, resources=ResourceRequest(cores_per_node=1, mem_per_node=256 * MIB))
    )
    observed = job.parts[0].observed
    assert job.state is JobState.COMPLETED
    assert (len(observed.cpus), observed.memory, observed.cfs_quota) == (1, 256 * MIB, False)
    assert observed.cpus == job.allocation.bindings[0].binding.cpus
    assert bool(observed.namespaces) == (runtime == "lxc")


@BOTH
def test_a_script_with_arguments_and_environment_runs_in_its_folder(up, runtime):
    spec = JobSpec(
        script=b'#!/bin/sh\necho "$1 $COLOUR $PWD"\n',
        command=("one",),
        env=(("COLOUR", "blue"),),
        workdir="/usr",
        runtime=runtime,
    )
    _, output = run(up, spec)
    assert output == b"one blue /usr\n"


@BOTH
def test_a_job_past_its_limit_gets_sigterm_then_sigkill_and_ends_as_timeout(up, runtime):
    spec = sh("trap 'echo told' TERM; while :; do sleep 0.1; done", time_limit_s=1, grace_s=1, runtime=runtime)
    job, output = run(up, spec)
    assert (job.state, job.reason, job.signal) == (JobState.TIMEOUT, Reason.TIME_LIMIT, signal.SIGKILL)
    assert b"told\n" in output


@BOTH
def test_a_job_over_its_memory_ends_as_out_of_memory_and_another_sigkill_does_not(up, runtime):
    hog = "x = bytearray(200 << 20); print('survived')"
    resources = ResourceRequest(mem_per_node=64 * MIB)
    job, output = run(up, JobSpec(command=("/usr/bin/python3", "-c", hog), resources=resources, runtime=runtime))
    assert (job.state, output) == (JobState.OUT_OF_MEMORY, b"")
    job, _ = run(up, sh("kill -9 $$", resources=resources, runtime=runtime))
    assert (job.state, job.signal, job.cause) == (JobState.FAILED, 9, EndCause.SIGNAL)


@BOTH
def test_cancel_ends_the_whole_tree(up, runtime):
    script = "(setsid sleep 1003 &) ; (sleep 1003 &) ; echo up; sleep 1003"
    with up.client() as client:
        job_id = client.submit(sh(script, grace_s=1, runtime=runtime))
        eventually(lambda: client.output(job_id) == b"up\n" if client.job(job_id).state is JobState.RUNNING else False, "it runs")
        client.cancel(job_id)
        job = client.wait(job_id, DEADLINE_S)
    assert job.state is JobState.CANCELLED
    eventually(lambda: not runs("sleep 1003"), "no process is left")


def test_a_command_that_is_not_there_gives_a_shells_127(up):
    done = up.cli("run", "--", "no-such-command", code=127)
    assert b"command 'no-such-command' not found" in done.stderr
    assert up.cli("run", "--", "/etc/passwd", code=126).stdout == b""


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (JobSpec(command=("no-such-command",)), "not found"),
        (JobSpec(command=("/etc/passwd",)), "Permission denied"),
        (JobSpec(command=("true",), workdir="/no/such/folder"), "working directory"),
        (JobSpec(command=("true",), image="/no/such/image"), "/no/such/image"),
        (JobSpec(command=("true",), image="missing"), "missing"),
        (JobSpec(script=b"#!/no/such/interpreter\n"), "interpreter"),
        (JobSpec(command=("true",), stdout="/no/such/folder/out"), "cannot write the output file"),
        (JobSpec(command=("true",), mounts=(Mount("/etc", "/mnt"),)), "mount_allow"),
    ],
)
def test_a_job_that_cannot_start_fails_with_the_reason(up, spec, words):
    job, _ = run(up, spec)
    assert (job.state, job.reason) == (JobState.FAILED, Reason.LAUNCH_FAILED)
    assert words in job.message
    assert "\n" not in job.message


def test_a_pipe_as_the_output_file_is_refused_and_holds_nobody_up(up, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    job, _ = run(up, JobSpec(command=("true",), stdout=str(tmp_path / "pipe")))
    assert job.reason is Reason.LAUNCH_FAILED
    assert "cannot write the output file" in job.message


def test_the_output_goes_to_the_file_that_was_asked_for_and_can_be_followed(up, tmp_path):
    job, output = run(up, sh("echo mine", stdout=str(tmp_path / "out-%j.txt")))
    assert output == (tmp_path / f"out-{job.id}.txt").read_bytes() == b"mine\n"


def test_output_is_binary_safe_and_can_be_joined_late(up):
    with up.client() as client:
        job_id = client.submit(sh("printf 'a\\0\\377\\n'; sleep 0.3; printf 'late'"))
        chunks = [chunk for chunk in client.read_output(job_id, follow=True) if isinstance(chunk, bytes)]
        assert b"".join(chunks) == b"a\0\xff\nlate"
        assert b"".join(c for c in client.read_output(job_id, offset=2) if isinstance(c, bytes)) == b"\xff\nlate"


def test_a_fast_writer_is_cut_at_its_cap_with_a_marker_and_still_ends_well(up):
    job, output = run(up, sh("head -c 50000000 /dev/zero; exit 4", output_cap=100_000))
    assert job.exit_code == 4
    assert output.startswith(b"\0" * 100_000)
    assert 0 < len(output) - 100_000 < 200
    assert b"output cut" in output[100_000:]


def test_exec_runs_in_the_jobs_container_with_its_own_streams_and_code(up):
    with up.client() as client:
        job_id = client.submit(sh("echo $HOSTNAME; touch /here; sleep 1000", grace_s=0))
        eventually(lambda: client.job(job_id).state is JobState.RUNNING, "it runs")
        done = up.cli("exec", str(job_id), "--", "sh", "-c", "cat; ls /here; echo err >&2; exit 9", code=9, input=b"fed ")
        client.cancel(job_id)
    assert done.stdout == b"fed /here\n"
    assert done.stderr == b"err\n"


def test_exec_loses_nothing_of_a_large_stream_either_way(up):
    data = os.urandom(1 << 20) * 24
    with up.client() as client:
        job_id = client.submit(sh("sleep 1000", grace_s=0))
        eventually(lambda: client.job(job_id).state is JobState.RUNNING, "it runs")
        done = up.cli("exec", str(job_id), "--", "cat", input=data)
        assert done.stdout == data
        assert up.cli("exec", str(job_id), "--", "head", "-c", "20000000", "/dev/zero").stdout == b"\0" * 20_000_000
        assert b"'nosuch' not found" in up.cli("exec", str(job_id), "--", "nosuch", code=127).stderr
        client.cancel(job_id)


def test_a_step_ends_with_its_job(up):
    with up.client() as client:
        job_id = client.submit(sh("trap 'sleep 1; exit' TERM; sleep 1000 & wait"))
        eventually(lambda: client.job(job_id).state is JobState.RUNNING, "it runs")
        session = client.exec_step(job_id, ["sh", "-c", "echo in; sleep 1000"])
        stream = iter(session)
        assert next(stream) == ("stdout", b"in\n")
        client.cancel(job_id)
        assert list(stream) == []
        assert session.exit.signal == signal.SIGTERM


def runs(command):
    return subprocess.run(["pgrep", "-fx", command], capture_output=True).returncode == 0


def test_a_shell_is_a_real_terminal_that_resizes_and_takes_ctrl_c(up):
    with up.client() as client:
        job_id = client.submit(sh("sleep 1000", grace_s=0))
        eventually(lambda: client.job(job_id).state is JobState.RUNNING, "it runs")
        session = client.exec_step(job_id, ["/bin/sh"], tty=True, rows=33, columns=101)
        session.send(b"stty size; tty; sleep 1002; echo got=$?\r")
        seen, asked = b"", False
        for _, data in session:
            seen += data
            if b"/dev/pts/" in seen and not asked:
                asked = True
                eventually(lambda: runs("sleep 1002"), "the command in the shell runs")
                session.send(b"\x03")
                session.resize(44, 55)
                session.send(b"echo got=$?; stty size; exit 5\r")
        client.cancel(job_id)
    assert b"33 101" in seen
    assert b"44 55" in seen
    assert b"got=130" in seen
    assert session.exit.exit_code == 5


def test_jobs_follow_each_other_on_the_one_node_first_in_first_out(up):
    with up.client() as client:
        ids = client.submit_many([sh(f"echo {number}") for number in range(5)])
        jobs = [client.wait(job_id, DEADLINE_S) for job_id in ids]
    starts = [job.start_time for job in jobs]
    ends = [job.end_time for job in jobs]
    assert starts == sorted(starts)
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))


def test_the_same_request_twice_is_one_job_also_after_its_end(up):
    with up.client() as client:
        first = client.submit(JobSpec(command=("true",)), "again-and-again")
        client.wait(first, DEADLINE_S)
        assert client.submit(JobSpec(command=("true",)), "again-and-again") == first


def test_a_drained_node_gets_no_job_until_it_is_resumed(up):
    with up.client() as client:
        name = client.nodes()[0].name
        eventually(lambda: client.node(name).state is NodeState.IDLE, "nothing is left of the last job")
        assert client.drain(name, "new memory").state is NodeState.DRAINED
        job_id = client.submit(JobSpec(command=("true",)))
        assert client.job(job_id).state is JobState.PENDING
        assert client.job(job_id).reason is Reason.REQ_NODE_NOT_AVAIL
        client.resume(name)
        assert client.wait(job_id, DEADLINE_S).state is JobState.COMPLETED


def test_a_record_says_what_was_asked_granted_observed_and_used(up):
    job, _ = run(up, sh("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done", name="burner"))
    with up.client() as client:
        record = next(item for item in client.records() if item.job.id == job.id)
    seen = dataclasses.replace(job.parts[0].observed, devices=())
    part = dataclasses.replace(job.parts[0], observed=seen)
    assert record.job == dataclasses.replace(job, parts=(part,))
    assert record.usage.cpu_s > 0.02
    assert record.usage.peak_memory > 100_000
    assert record.ran_s > 0
    assert record.waited_s >= 0


def test_the_command_line_gives_json_plain_and_the_jobs_own_code(up):
    assert up.cli("run", "--", "sh", "-c", "echo hello; exit 6", code=6).stdout == b"hello\n"
    job_id = up.cli("submit", "--output", "plain", "--wait", "--", "true").stdout.decode().strip()
    jobs = json.loads(up.cli("jobs", "--all", "--output", "json").stdout)
    job = next(item for item in jobs if item["id"] == int(job_id))
    assert (job["state"], job["exit_code"]) == ("COMPLETED", 0)
    assert job["bindings"][0]["binding"]["cpus"]
    assert json.loads(up.cli("receipt", job_id, "--output", "json").stdout)
    assert up.cli("logs", job_id).stdout == b""


def test_ten_lines_of_python_do_what_the_command_line_does(up, tmp_path):
    script = tmp_path / "ten.py"
    script.write_text(
        textwrap.dedent(
            """
            from hpcsched.client import Client, JobSpec

            with Client() as client:
                job = client.wait(client.submit(JobSpec(command=("echo", "hi"))))
                print(job.state, client.output(job.id).decode().strip())
            """
        )
    )
    done = subprocess.run([sys.executable, script], env={"HPCSCHED_ADDRESS": up.address}, capture_output=True, timeout=DEADLINE_S)
    assert done.stdout == b"COMPLETED hi\n", done.stderr


def test_a_caller_without_stubs_submits_through_reflection(up):
    import grpc
    from google.protobuf import message_factory
    from google.protobuf.descriptor_pool import DescriptorPool
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    with grpc.insecure_channel(up.address.replace("unix://", "unix:")) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert "hpcsched.v1.JobService" in database.get_services()
        service = DescriptorPool(database).FindServiceByName("hpcsched.v1.JobService")
        method = service.FindMethodByName("SubmitJob")
        request = message_factory.GetMessageClass(method.input_type)()
        request.request_id = "no-stubs"
        request.spec.command.extend(["echo", "reflected"])
        answer = message_factory.GetMessageClass(method.output_type)
        call = channel.unary_unary(
            f"/{service.full_name}/{method.name}", lambda message: message.SerializeToString(), answer.FromString
        )
        job_id = call(request, timeout=DEADLINE_S).job_id
    with up.client() as client:
        assert client.wait(job_id, DEADLINE_S).state is JobState.COMPLETED
        assert client.output(job_id) == b"reflected\n"


def test_health_says_serving(up):
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(up.address.replace("unix://", "unix:")) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service="hpcsched.v1.JobService"), timeout=DEADLINE_S
        )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_socket_is_for_its_owner_and_group_alone(up):
    assert (up.folder / "hpcsched.sock").stat().st_mode & 0o777 == 0o660


def test_a_folder_and_a_tar_are_images_whose_changes_are_thrown_away(up, tmp_path):
    root = tmp_path / "rootfs"
    for folder in ("bin", "etc", "usr", "tmp", "proc", "sys", "dev", "run"):
        (root / folder).mkdir(parents=True)
    subprocess.run(["cp", "/bin/busybox", root / "bin/sh"], check=True)
    subprocess.run(["tar", "-C", root, "-czf", tmp_path / "rootfs.tar.gz", "."], check=True)
    for image in (root, tmp_path / "rootfs.tar.gz"):
        job, output = run(up, JobSpec(command=("/bin/sh", "-c", "echo x > /etc/mark; cat /etc/mark; ls /usr"), image=str(image)))
        assert (job.state, output) == (JobState.COMPLETED, b"x\n"), job.message
    assert not (root / "etc/mark").exists()
