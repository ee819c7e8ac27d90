"""Device nodes, driver files and huge pages in real containers; the nodes are made up, without a driver behind them."""

import contextlib
import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from hpcsched.agent.receipt import check
from hpcsched.errors import BindingMismatch, RuntimeFailure
from hpcsched.hardware.hugepages import page_sizes
from hpcsched.model.allocation import HugePages
from hpcsched.model.container import DeviceNode, Mount, OpenedDevice
from hpcsched.plugins import load
from tests.containers import MIB, a_spec, opened, shell_in

pytestmark = pytest.mark.system

MAJOR = 195
FOLDER = Path(f"/dev/hpcsched-test-{os.getpid()}")
GRANTED = (DeviceNode(f"{FOLDER}/gpu0", MAJOR, 200), DeviceNode(f"{FOLDER}/caps/cap1", MAJOR, 201))
REFUSED = (DeviceNode(f"{FOLDER}/gpu1", MAJOR, 202),)
TRY = """
import errno, os, sys
for path in sys.argv[1:]:
    try:
        os.close(os.open(path, os.O_RDWR))
        print("ok")
    except OSError as error:
        print(errno.errorcode[error.errno])
"""


@pytest.fixture(autouse=True)
def nodes():
    """Of a major number that no driver of this node has."""
    if f"{MAJOR} " in Path("/proc/devices").read_text().partition("Block")[0]:
        pytest.skip(f"this node has a driver for character devices {MAJOR}")
    try:
        (FOLDER / "caps").mkdir(parents=True)
        for node in (*GRANTED, *REFUSED):
            os.mknod(node.path, stat.S_IFCHR | 0o600, os.makedev(node.major, node.minor))
    except PermissionError as error:
        pytest.skip(f"this user may not make device nodes: {error}")
    yield
    shutil.rmtree(FOLDER)


@pytest.fixture(params=["lxc", "baremetal"])
async def runtime(request, tmp_path):
    async with opened(load("runtimes", request.param)(tmp_path / "state", tmp_path / "images", pids_limit=777)) as runtime:
        yield runtime


@pytest.fixture
async def lxc(tmp_path):
    async with opened(load("runtimes", "lxc")(tmp_path / "state", tmp_path / "images")) as runtime:
        yield runtime


def with_devices(**fields):
    return a_spec(devices=GRANTED, refused=REFUSED, **fields)


async def shown(runtime, spec):
    """What a receipt would be made of."""
    outcomes = await runtime.try_open(spec.name, (*spec.devices, *spec.refused))
    granted = {node.path for node in spec.devices}
    tried = tuple(OpenedDevice(path, path in granted, outcome) for path, outcome in outcomes.items())
    return replace(runtime.observe(spec.name), opened=tried)


async def test_a_granted_device_is_there_and_opens_and_a_refused_one_does_neither(lxc, tmp_path):
    async with shell_in(lxc, tmp_path, with_devices()) as shell:
        _, output = await shell.run("python3", "-c", TRY, *(node.path for node in (*GRANTED, *REFUSED)))
        assert output.split() == [b"ENXIO", b"ENXIO", b"ENOENT"]
        assert {node.path for node in GRANTED} <= set(lxc.observe("job1").devices)
        assert REFUSED[0].path not in lxc.observe("job1").devices


async def test_the_kernel_refuses_a_device_that_was_not_granted_whatever_node_names_it(lxc, tmp_path):
    os.mknod(tmp_path / "gpu1", stat.S_IFCHR | 0o666, os.makedev(MAJOR, REFUSED[0].minor))
    os.mknod(tmp_path / "gpu0", stat.S_IFCHR | 0o666, os.makedev(MAJOR, GRANTED[0].minor))
    async with shell_in(lxc, tmp_path, with_devices()) as shell:
        _, output = await shell.run("python3", "-c", TRY, str(tmp_path / "gpu0"), str(tmp_path / "gpu1"))
        assert output.split() == [b"ENXIO", b"EPERM"]


async def test_trying_from_outside_gives_the_kernels_answer_and_leaves_nobody_inside(lxc):
    await lxc.start(with_devices())
    before = lxc.group("job1").pids()
    assert list((await lxc.try_open("job1", (*GRANTED, *REFUSED))).values()) == ["ENXIO", "ENXIO", "EPERM"]
    assert lxc.group("job1").pids() == before
    check(with_devices(), await shown(lxc, with_devices()))


async def test_a_device_that_was_let_through_by_mistake_is_a_mismatch(lxc):
    await lxc.start(a_spec(devices=(*GRANTED, *REFUSED)))
    with pytest.raises(BindingMismatch, match=f"device {REFUSED[0].path} asked EPERM, the kernel shows ENXIO"):
        check(with_devices(), await shown(lxc, with_devices()))


async def test_a_device_that_was_not_let_through_is_a_mismatch(lxc):
    await lxc.start(a_spec())
    with pytest.raises(BindingMismatch, match=f"device {GRANTED[0].path} asked to open, the kernel shows EPERM"):
        check(with_devices(), await shown(lxc, with_devices()))


async def test_root_inside_cannot_change_the_nodes_of_the_node(lxc, tmp_path):
    path = GRANTED[0].path
    async with shell_in(lxc, tmp_path, with_devices()) as shell:
        end, _ = await shell.sh(f"chmod 777 {path} || chown 5 {path} || rm -f {path}")
    assert end.exit_code != 0
    assert (stat.S_IMODE(os.stat(path).st_mode), os.stat(path).st_uid) == (0o600, 0)


async def test_a_node_that_has_other_numbers_now_starts_nothing(lxc):
    with pytest.raises(RuntimeFailure, match=r"gpu0 is c 195:200, not c 195:7: has its driver changed\?"):
        await lxc.start(a_spec(devices=(DeviceNode(GRANTED[0].path, MAJOR, 7),)))
    assert lxc.existing() == ()


async def test_bare_metal_confines_nothing_says_so_and_leaves_the_devices_of_others_alone(tmp_path):
    async with opened(load("runtimes", "baremetal")(tmp_path / "state", tmp_path / "images")) as bare:
        await bare.start(with_devices())
        observed = await shown(bare, with_devices())
    assert {item.path: item.outcome for item in observed.opened} == {node.path: "ENXIO" for node in GRANTED}
    assert "bare metal confines no device" in " ".join(observed.lacks)
    check(with_devices(), observed)


async def test_driver_files_are_mounted_where_an_image_has_none_and_over_a_link_that_leads_nowhere(lxc, tmp_path):
    image = an_image(tmp_path)
    (image / "usr/lib").mkdir(parents=True)
    (image / "usr/lib/libcuda.so.1").symlink_to("libcuda.so.470.1")
    (image / "usr/lib/libml.so.1").symlink_to("libml.so")
    (image / "usr/lib/libml.so").write_text("of the image")
    (tmp_path / "library").write_text("of the driver")
    places = ("/usr/lib/libcuda.so.1", "/usr/lib/libml.so.1", "/opt/driver/lib/libnew.so")
    mounts = tuple(Mount(str(tmp_path / "library"), place) for place in places)
    async with shell_in(lxc, tmp_path, a_spec(image=str(image), mounts=mounts)) as shell:
        end, output = await shell.run("/bin/busybox", "cat", *places)
    assert (end.exit_code, output) == (0, b"of the driver" * 3)
    assert os.readlink(image / "usr/lib/libcuda.so.1") == "libcuda.so.470.1"
    assert (image / "usr/lib/libml.so").read_text() == "of the image"
    assert not (image / "opt").exists()


def an_image(folder):
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("no busybox for an image; apt-get install busybox-static")
    (folder / "image/bin").mkdir(parents=True)
    for name in ("dev", "etc", "proc", "sys", "run", "tmp"):
        (folder / "image" / name).mkdir()
    shutil.copy(busybox, folder / "image/bin/busybox")
    return folder / "image"


async def test_the_number_of_processes_is_limited(runtime, tmp_path):
    async with shell_in(runtime, tmp_path, a_spec()) as shell:
        assert runtime.observe("job1").pids_max == 777
        end, _ = await shell.run("python3", "-c", "import os, signal\nfor i in range(999):\n if os.fork() == 0: signal.pause()\n")
        assert end.exit_code == 1
        assert len(runtime.group("job1").pids()) <= 777


@contextlib.contextmanager
def a_pool(pages):
    """So many huge pages of 2 MiB; skips where the node cannot have them."""
    file = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
    if not file.exists():
        pytest.skip("the kernel has no huge pages of 2 MiB")
    before = file.read_text()
    try:
        file.write_text(str(int(before) + pages))
        if int(file.read_text()) < int(before) + pages:
            pytest.skip("the node has no room for huge pages")
        yield
    except OSError as error:
        pytest.skip(f"huge pages cannot be set aside here: {error.strerror}")
    finally:
        file.write_text(before)


HUGE = """
import mmap, os, sys
count = int(sys.argv[1])
block = mmap.mmap(-1, count << 21, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)
for page in range(count):
    block[page << 21] = 1
print("held", count)
"""


async def test_huge_pages_are_there_up_to_what_was_granted(runtime, tmp_path):
    if runtime.layout.find("hugetlb") is None:
        pytest.skip("the kernel has no hugetlb control group")
    spec = a_spec()
    spec = replace(spec, binding=replace(spec.binding, hugepages=(HugePages(0, 2 * MIB, 4),)))
    with a_pool(8):
        async with shell_in(runtime, tmp_path, spec) as shell:
            assert dict(runtime.observe("job1").hugepages) == {**dict.fromkeys(page_sizes(), 0), 2 * MIB: 8 * MIB}
            check(spec, runtime.observe("job1"))
            _, held = await shell.run("python3", "-c", HUGE, "4")
            assert held == b"held 4\n"
            end, output = await shell.run("python3", "-c", HUGE, "5")
            assert (end.exit_code or end.signal) != 0, output
            await within_its_file_system(runtime, shell)


async def within_its_file_system(runtime, shell):
    if runtime.name != "lxc":
        return
    _, mounts = await shell.run("grep", " /dev/hugepages ", "/proc/self/mounts")
    assert b"hugetlbfs" in mounts
    assert b"pagesize=2M" in mounts
