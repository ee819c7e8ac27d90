"""Bare metal on the files of an image: nothing but these files is other than on the node itself."""

import os
import shutil
from pathlib import Path

import pytest

from hpcsched.errors import RuntimeFailure
from hpcsched.model.container import Mount
from hpcsched.plugins import load
from tests.containers import a_spec, opened, shell_in

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not shutil.which("busybox"), reason="no busybox for an image; apt-get install busybox-static"),
]

BOOT = "/proc/sys/kernel/random/boot_id"


def text_of(path):
    return Path(path).read_text()


@pytest.fixture
def image(tmp_path):
    """As a string, as specs name it."""
    for name in ("bin", "etc", "usr"):
        (tmp_path / "image" / name).mkdir(parents=True)
    for name in ("sh", "cat", "readlink", "ls", "touch", "mknod"):
        shutil.copy(shutil.which("busybox"), tmp_path / "image/bin" / name)
    return str(tmp_path / "image")


@pytest.fixture
async def bare(tmp_path):
    async with opened(load("runtimes", "baremetal")(tmp_path / "state", tmp_path / "images")) as bare:
        yield bare


@pytest.fixture
async def inside(bare, image, tmp_path):
    async with shell_in(bare, tmp_path, a_spec(image=image)) as shell:
        yield shell


async def told(shell, script):
    end, output = await shell.sh(script)
    assert end.exit_code == 0, output
    return output.decode().split("\n")[:-1]


async def test_the_mounts_are_its_own_and_no_other_namespace_is(bare, inside):
    assert bare.observe("job1").namespaces == ("mnt",)


async def test_no_capability_is_dropped_and_no_system_call_filtered(bare, image, inside, tmp_path):
    await bare.start(a_spec("plain"))
    seen, plain = bare.observe("job1"), bare.observe("plain")
    assert (seen.capabilities, seen.seccomp, seen.speculation) == (plain.capabilities, plain.seccomp, plain.speculation)
    assert seen.devices == plain.devices


async def test_what_the_kernel_and_the_daemons_of_the_node_show_is_theirs(inside):
    for folder in ("/dev", "/run", "/sys"):
        assert await told(inside, f"ls -a {folder}") == sorted([".", "..", *os.listdir(folder)])
    assert await told(inside, f"cat {BOOT}") == [text_of(BOOT).strip()]
    assert await told(inside, f"readlink /proc/{os.getpid()}/ns/pid") == [os.readlink("/proc/self/ns/pid")]


async def test_a_mount_of_the_job_is_not_seen_by_the_node(bare, image, tmp_path):
    (tmp_path / "data").mkdir()
    await bare.start(a_spec(image=image, mounts=(Mount(str(tmp_path / "data"), "/inside"),)))
    assert "/inside" in text_of(f"/proc/{bare.observe('job1').pid}/mountinfo")
    assert str(tmp_path / "state") not in text_of("/proc/self/mountinfo")
    await bare.remove("job1")
    assert list((tmp_path / "state/containers").iterdir()) == []


async def test_a_mount_in_a_folder_of_the_nodes_daemons_is_refused_and_nothing_is_made_there(bare, image, tmp_path):
    with pytest.raises(RuntimeFailure, match="another target"):
        await bare.start(a_spec(image=image, mounts=(Mount(str(tmp_path), "/run/hpcsched-test"),)))
    assert "hpcsched-test" not in os.listdir("/run")
    assert bare.existing() == ()


async def test_with_the_nodes_own_files_a_mount_elsewhere_is_refused(bare, tmp_path):
    with pytest.raises(RuntimeFailure, match="an --image, or --runtime lxc"):
        await bare.start(a_spec(mounts=(Mount(str(tmp_path), "/inside"),)))
