"""What hpcsched/devices/base.py promises, for every vendor, over made-up trees of /sys, /proc and /dev."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from hpcsched import plugins
from hpcsched.devices.base import DeviceVendor, Passthrough
from hpcsched.errors import DeviceFailure
from hpcsched.model.device import Device
from hpcsched.model.idset import MAX_ID
from tests.devicetrees import NODES, TreeBuilder, needs_device_nodes

pytestmark = needs_device_nodes
OWN_NODES = {
    "nvidia": "/dev/nvidia0",
    "amd": "/dev/dri/renderD141",
    "intel": "/dev/dri/renderD129",
    "rdma": "/dev/infiniband/uverbs1",
    "cdi": "/dev/xpu0",
}
"""The node that belongs to the first device alone."""
SIGNS = {
    "nvidia": "/proc/driver/nvidia/gpus/0000:18:00.0/information",
    "amd": "/sys/class/kfd/kfd/topology/nodes/2/gpu_id",
    "intel": "/dev/dri/renderD129",
    "rdma": "/sys/class/infiniband_verbs/uverbs1/ibdev",
    "cdi": "/etc/cdi/example.json",
}
"""What goes when the first device goes."""


@pytest.fixture(params=sorted(NODES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tree(name: str, tmp_path: Path) -> TreeBuilder:
    built = TreeBuilder(tmp_path)
    NODES[name](built)
    return built


def vendor_of(name: str, root: Path) -> DeviceVendor:
    vendor: DeviceVendor = plugins.load("devices", name)(root)
    return vendor


@pytest.fixture
def vendor(name: str, tree: TreeBuilder) -> DeviceVendor:
    return vendor_of(name, tree.root)


def test_every_vendor_that_is_a_plug_in_is_tried_here() -> None:
    assert plugins.names("devices") == tuple(sorted(NODES))


def test_a_node_without_that_hardware_has_nothing_of_it(name: str, tmp_path: Path) -> None:
    vendor = vendor_of(name, tmp_path)
    assert (vendor.discover(), vendor.nodes(), vendor.problems()) == ((), (), ())
    assert vendor.looked_for


def test_devices_of_other_vendors_are_not_its_own(name: str, tmp_path: Path) -> None:
    for other, build in NODES.items():
        if other != name:
            build(TreeBuilder(tmp_path / other))
            assert vendor_of(name, tmp_path / other).discover() == ()


def test_devices_are_found_by_pci_address_with_the_numa_node_and_pus_near_them(name: str, vendor: DeviceVendor) -> None:
    first, second = vendor.discover()
    assert first.pci < second.pci
    assert [(device.numa, str(device.cpus), device.vendor) for device in (first, second)] == [(0, "0-3", name), (1, "4-7", name)]
    assert first.id != second.id
    assert first.index != second.index
    assert all(device.model and device.names for device in (first, second))


def test_looking_again_finds_the_same(name: str, vendor: DeviceVendor, tree: TreeBuilder) -> None:
    assert vendor_of(name, tree.root).discover() == vendor.discover() == vendor.discover()


def test_nothing_is_needed_for_no_device(vendor: DeviceVendor) -> None:
    assert vendor.passthrough(()) == Passthrough()


def test_a_device_brings_its_own_node_and_not_that_of_another(name: str, vendor: DeviceVendor) -> None:
    first, second = vendor.discover()
    mine, others = (paths(vendor.passthrough((device,))) for device in (first, second))
    assert OWN_NODES[name] in mine
    assert OWN_NODES[name] not in others
    assert others - mine


def test_what_is_granted_is_among_all_nodes_and_the_rest_can_be_refused(name: str, vendor: DeviceVendor) -> None:
    _, second = vendor.discover()
    everything = {node.path: node for node in vendor.nodes()}
    granted = vendor.passthrough((second,)).nodes
    assert all((everything[node.path].major, everything[node.path].minor) == (node.major, node.minor) for node in granted)
    assert OWN_NODES[name] in set(everything) - {node.path for node in granted}


def test_several_devices_bring_each_node_once(vendor: DeviceVendor) -> None:
    devices = vendor.discover()
    both = vendor.passthrough(devices)
    assert len(both.nodes) == len(paths(both))
    assert paths(both) == {path for device in devices for path in paths(vendor.passthrough((device,)))}


def test_files_that_come_along_are_there_without_any_link_in_their_path(vendor: DeviceVendor, tree: TreeBuilder) -> None:
    found = vendor.passthrough(vendor.discover())
    sources = [mount.source for mount in found.mounts] + [path for _, path in found.libraries]
    for source in sources:
        assert tree.at(source).resolve() == tree.root.resolve() / source.lstrip("/")
        assert tree.at(source).exists()
    assert all(mount.read_only for mount in found.mounts)


def test_a_device_that_is_gone_fails_in_one_line(name: str, vendor: DeviceVendor, tree: TreeBuilder) -> None:
    first, _ = vendor.discover()
    tree.at(SIGNS[name]).unlink()
    with pytest.raises(DeviceFailure) as failure:
        vendor.passthrough((first,))
    assert "\n" not in str(failure.value)
    assert failure.value.mend


def test_a_device_whose_node_is_missing_fails_in_one_line(name: str, vendor: DeviceVendor, tree: TreeBuilder) -> None:
    first, second = vendor.discover()
    tree.at(OWN_NODES[name]).unlink()
    with pytest.raises(DeviceFailure) as failure:
        vendor.passthrough((first,))
    assert "\n" not in str(failure.value)
    assert paths(vendor.passthrough((second,)))


def test_a_task_is_told_of_its_own_devices_only(vendor: DeviceVendor) -> None:
    first, second = vendor.discover()
    both = (first, second)
    told = [dict(vendor.visible(both, mine)) for mine in ((first,), (second,), both)]
    assert told[0].keys() == told[1].keys() == told[2].keys()
    assert not told[0] or len({tuple(env.items()) for env in told}) == 3
    assert vendor.visible((second,), (second,)) == vendor.visible((first,), (first,))


def test_nothing_is_written(vendor: DeviceVendor, tree: TreeBuilder) -> None:
    before = contents(tree.root)
    use(vendor, vendor.discover())
    assert contents(tree.root) == before


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\x00 : -7 ][", b"99999999999999999999", None], ids=["empty", "noise", "huge", "gone"]
)
def test_whatever_file_is_damaged_only_a_device_failure_comes_of_it(name: str, tree: TreeBuilder, damage: bytes | None) -> None:
    files = [path for path in tree.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 5
    for path in files:
        before, mode = path.read_bytes(), path.stat().st_mode
        path.unlink()
        if damage is not None:
            path.write_bytes(damage)
        vendor = vendor_of(name, tree.root)
        use(vendor, vendor.discover())
        path.write_bytes(before)
        path.chmod(mode)
    assert len(vendor_of(name, tree.root).discover()) == 2


def use(vendor: DeviceVendor, devices: tuple[Device, ...]) -> None:
    assert all("\n" not in str(problem) for problem in vendor.problems())
    assert all(-1 <= device.numa <= MAX_ID for device in devices)
    vendor.nodes()
    vendor.visible(devices, devices[:1])
    for device in devices:
        with suppress(DeviceFailure):
            vendor.passthrough((device,))


def paths(found: Passthrough) -> set[str]:
    return {node.path for node in found.nodes}


def contents(root: Path) -> dict[str, bytes | str]:
    return {
        str(path): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else str(path.lstat().st_rdev)
        for path in root.rglob("*")
    }
