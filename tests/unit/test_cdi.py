"""CDI files: what they give, and what they must not give."""

from __future__ import annotations

import copy
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpcsched.devices.cdi import Cdi
from hpcsched.devices.cdi_file import MAX_BYTES, CdiFile, read_cdi
from hpcsched.devices.tree import Tree
from hpcsched.errors import DeviceFailure
from hpcsched.model.container import Mount
from tests.devicetrees import CDI_MAJOR, LIBRARIES, TreeBuilder, cdi_content, cdi_node, needs_device_nodes

pytestmark = needs_device_nodes
SAMPLES = Path(__file__).parents[3] / "shared/data/cdi/samples"
Content = dict[str, Any]
Change = Callable[[Content], None]


@pytest.fixture
def tree(tmp_path: Path) -> TreeBuilder:
    built = TreeBuilder(tmp_path)
    cdi_node(built)
    return built


def vendor(tree: TreeBuilder) -> Cdi:
    return Cdi(tree.root)


def problem(tree: TreeBuilder) -> str:
    (found,) = vendor(tree).problems()
    assert "\n" not in str(found)
    return found.what


def rewritten(tree: TreeBuilder, change: Change) -> None:
    content = copy.deepcopy(cdi_content())
    change(content)
    tree.cdi("example.json", content)


def test_a_device_has_its_qualified_name_and_the_place_of_its_node(tree: TreeBuilder) -> None:
    first = vendor(tree).discover()[0]
    assert (first.id, first.model, first.pci, first.names) == ("example.com/gpu=0", "example.com/gpu", "0000:3b:00.0", ("xpu0",))


def test_edits_of_the_file_and_of_the_device_come_together_and_hooks_are_named_as_not_run(tree: TreeBuilder) -> None:
    found = vendor(tree).passthrough(vendor(tree).discover()[:1])
    assert [(node.path, node.major, node.minor, node.access) for node in found.nodes] == [
        ("/dev/xpuctl", CDI_MAJOR, 255, "rw"),
        ("/dev/xpu0", CDI_MAJOR, 0, "rw"),
    ]
    assert found.env == (("XPU_MODE", "compute"),)
    assert found.mounts == (Mount(f"{LIBRARIES}/libxpu.so.7.1", f"{LIBRARIES}/libxpu.so.7.1"),)
    assert dict(found.libraries) == {"libxpu.so.1": f"{LIBRARIES}/libxpu.so.7.1", "libxpu.so.7.1": f"{LIBRARIES}/libxpu.so.7.1"}
    assert found.drivers == (("CDI file /etc/cdi/example.json: not done", "hook createContainer /usr/bin/xpu-hook"),)


def test_yaml_is_read_as_json_is(tree: TreeBuilder) -> None:
    before = vendor(tree).discover()
    tree.at("/etc/cdi/example.json").rename(tree.at("/etc/cdi/example.yaml"))
    assert vendor(tree).discover() == before != ()


def old_file(tree: TreeBuilder, text: str) -> None:
    """A YAML file, put in the place of another, that was last written when time was zero."""
    tree.text("/etc/cdi/more.new", text)
    os.utime(tree.at("/etc/cdi/more.new"), (0, 0))
    tree.at("/etc/cdi/more.new").rename(tree.at("/etc/cdi/more.yaml"))


def more(value: str) -> str:
    content = cdi_content(("7",), kind="more.com/gpu")
    content["containerEdits"] = {"env": [f"XPU_MODE={value}"]}
    content["devices"][0]["containerEdits"] = {}
    return json.dumps(content)


def modes(tree: TreeBuilder) -> list[str]:
    found = vendor(tree)
    return [dict(found.passthrough((device,)).env)["XPU_MODE"] for device in found.discover() if device.id == "more.com/gpu=7"]


def more_file(tree: TreeBuilder) -> CdiFile:
    return read_cdi(Tree(tree.root), "/etc/cdi/more.yaml")


def test_a_file_that_stays_as_it_was_is_parsed_once(tree: TreeBuilder) -> None:
    old_file(tree, more("one"))
    assert more_file(tree) is more_file(tree)


def test_a_file_that_was_changed_is_read_anew_also_when_size_and_time_stay(tree: TreeBuilder) -> None:
    old_file(tree, more("one"))
    assert modes(tree) == ["one"]
    old_file(tree, more("two"))
    assert modes(tree) == ["two"]
    tree.at("/etc/cdi/more.yaml").unlink()
    assert modes(tree) == []


def test_a_file_that_has_just_been_written_is_parsed_each_time(tree: TreeBuilder) -> None:
    """Its time of change may be the same after another write: most kernels' clock for files ticks every few milliseconds."""
    tree.text("/etc/cdi/more.yaml", more("one"))
    assert more_file(tree) is not more_file(tree)


def test_a_later_folder_overrides_an_earlier_one(tree: TreeBuilder) -> None:
    content = cdi_content(("0",))
    content["containerEdits"]["env"] = ["XPU_MODE=later"]
    tree.text("/run/cdi/other.json", json.dumps(content))
    tree.link("/var/run", "/run")
    first, second = vendor(tree).discover()
    assert dict(vendor(tree).passthrough((first,)).env) == {"XPU_MODE": "later"}
    assert dict(vendor(tree).passthrough((second,)).env) == {"XPU_MODE": "compute"}


def test_of_two_devices_of_one_name_in_one_folder_neither_is_given(tree: TreeBuilder) -> None:
    tree.cdi("twice.json", cdi_content(("1", "7")))
    assert [device.id for device in vendor(tree).discover()] == ["example.com/gpu=7", "example.com/gpu=0"]
    assert "both name example.com/gpu=1" in problem(tree)


def test_a_device_under_two_names_is_handed_out_once_and_all_of_them_never_as_one(tree: TreeBuilder) -> None:
    def change(content: Content) -> None:
        every = [{"path": f"/dev/xpu{number}"} for number in range(2)]
        content["devices"].append({"name": "by-uuid", "containerEdits": {"deviceNodes": every[:1]}})
        content["devices"].append({"name": "all", "containerEdits": {"deviceNodes": every}})

    rewritten(tree, change)
    assert [device.id for device in vendor(tree).discover()] == ["example.com/gpu=0", "example.com/gpu=1"]


@pytest.mark.parametrize("kind", ["nvidia.com/gpu", "amd.com/gpu", "example.com/nic"])
def test_kinds_that_others_serve_or_that_are_no_gpus_are_left_alone(tree: TreeBuilder, kind: str) -> None:
    tree.cdi("example.json", cdi_content(kind=kind))
    assert (vendor(tree).discover(), vendor(tree).nodes(), vendor(tree).problems()) == ((), (), ())


def sets(key: str, value: object) -> Change:
    return lambda content: content.update({key: value})


def edits(**values: object) -> Change:
    return lambda content: content["containerEdits"].update(values)


def mount(host: str, inside: str = f"{LIBRARIES}/libxpu.so.1") -> Change:
    return edits(mounts=[{"hostPath": host, "containerPath": inside}])


def node(**values: object) -> Change:
    return edits(deviceNodes=[values])


REFUSED: list[tuple[Change, str]] = [
    (sets("cdiVersion", "2.0.0"), "cdiVersion '2.0.0' is not known"),
    (sets("cdiVersion", "../1.0"), "cdiVersion"),
    (sets("kind", "gpu"), "kind 'gpu'"),
    (sets("kind", 7), "Expected `str`, got `int`"),
    (sets("devices", [{"name": "0", "containerEdits": {}}] * 2), "'0' is there twice"),
    (sets("devices", [{"name": "a/../b", "containerEdits": {}}]), "device name 'a/../b'"),
    (sets("devices", [{"name": "0"}]), "containerEdits"),
    (mount("/etc/shadow"), "'/etc/shadow', which is in no folder of drivers"),
    (mount("/root/.ssh"), "'/root/.ssh'"),
    (mount("/home"), "'/home'"),
    (mount("/"), "'/'"),
    (mount("/usr/lib"), "'/usr/lib'"),
    (mount("/run/docker.sock"), "'/run/docker.sock'"),
    (mount("/usr/lib/../../etc/shadow"), "'/usr/lib/../../etc/shadow'"),
    (mount("usr/lib/x"), "'usr/lib/x'"),
    (mount(f"{LIBRARIES}/libxpu.so.7.1", "/etc/ld.so.preload"), "'/etc/ld.so.preload'"),
    (mount(f"{LIBRARIES}/libxpu.so.7.1", "/dev/xpu"), "'/dev/xpu'"),
    (node(path="/etc/shadow"), "'/etc/shadow' as a device node, which is not under /dev"),
    (node(path="/dev/../etc/shadow"), "not under /dev"),
    (node(path="/dev"), "not under /dev"),
    (node(path="/dev/xpu0", hostPath="/dev/xpu1"), "gives /dev/xpu1 the name /dev/xpu0"),
    (edits(env=["XPU"]), "'XPU', which is not of the form NAME=VALUE"),
    (edits(env=["XPU=a\nLD_PRELOAD=b"]), "not of the form"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED)
def test_a_file_that_is_wrong_or_asks_for_too_much_is_refused_as_a_whole(tree: TreeBuilder, change: Change, words: str) -> None:
    rewritten(tree, change)
    assert problem(tree).startswith("CDI file /etc/cdi/example.json")
    assert words in problem(tree)
    assert vendor(tree).discover() == ()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "{", '{"cdiVersion": "0.6.0"', "[" * 100_000, "\0", '"' + "x" * MAX_BYTES + '"']
)
@pytest.mark.parametrize("name", ["example.json", "example.yaml"])
def test_a_file_without_sense_is_refused_in_one_line(tree: TreeBuilder, name: str, text: str) -> None:
    tree.at("/etc/cdi/example.json").unlink()
    tree.text(f"/etc/cdi/{name}", text)
    assert problem(tree).startswith(f"CDI file /etc/cdi/{name}")
    assert len(problem(tree)) < 1000


def test_a_huge_file_is_not_read(tree: TreeBuilder) -> None:
    with tree.at("/etc/cdi/example.json").open("wb") as file:
        file.truncate(1 << 40)
    assert f"larger than {MAX_BYTES} bytes" in problem(tree)


def test_a_pipe_in_the_folder_keeps_nobody_waiting(tree: TreeBuilder) -> None:
    os.mkfifo(tree.at("/etc/cdi/pipe.json"))
    assert "pipe.json: is no file" in problem(tree)
    assert len(vendor(tree).discover()) == 2


def test_yaml_that_would_unfold_to_more_than_memory_is_refused(tree: TreeBuilder) -> None:
    layers = "".join(
        f"{chr(98 + number)}: &{chr(98 + number)} [{', '.join([f'*{chr(97 + number)}'] * 9)}]\n" for number in range(20)
    )
    tree.text("/etc/cdi/bomb.yaml", f"a: &a [x]\n{layers}devices: *u\n")
    assert "aliases" in problem(tree)


@pytest.mark.parametrize("text", ['!!int ""', "!!bool x", "!!float ''", "!!timestamp x", "!local x", "!!map {}"])
def test_yaml_of_another_type_than_it_looks_is_refused(tree: TreeBuilder, text: str) -> None:
    tree.text("/etc/cdi/typed.yaml", f"cdiVersion: {text}\n")
    assert "types of YAML (!!name) are not read" in problem(tree)


def test_one_bad_file_does_not_take_away_the_devices_of_a_good_one(tree: TreeBuilder) -> None:
    tree.text("/etc/cdi/bad.json", "{")
    assert len(vendor(tree).discover()) == 2
    assert "bad.json" in problem(tree)


def failing(tree: TreeBuilder) -> str:
    with pytest.raises(DeviceFailure) as caught:
        vendor(tree).passthrough(vendor(tree).discover()[:1])
    assert "\n" not in str(caught.value)
    return caught.value.what


def test_a_link_that_leads_out_of_the_folders_of_drivers_is_refused(tree: TreeBuilder) -> None:
    tree.text("/etc/shadow", "secret")
    tree.link(f"{LIBRARIES}/libevil.so", "/etc/shadow")
    rewritten(tree, mount(f"{LIBRARIES}/libevil.so"))
    assert "'/etc/shadow', which is in no folder of drivers" in failing(tree)


def test_a_link_under_dev_that_leads_elsewhere_is_refused(tree: TreeBuilder) -> None:
    tree.node("/srv/disk", CDI_MAJOR, 9)
    tree.link("/dev/xpu-link", "/srv/disk")
    rewritten(tree, node(path="/dev/xpu-link"))
    assert "'/srv/disk' as a device node, which is not under /dev" in failing(tree)


@pytest.mark.parametrize(
    ("kind", "major", "words"),
    [
        (stat.S_IFBLK, 8, "a block device"),
        (stat.S_IFCHR, 1, "memory"),
        (stat.S_IFCHR, 4, "terminal"),
        (stat.S_IFCHR, 7, "screen"),
        (stat.S_IFCHR, 13, "keyboard"),
        (stat.S_IFCHR, 136, "terminal"),
        (stat.S_IFCHR, 143, "terminal"),
        (stat.S_IFCHR, 202, "registers"),
    ],
)
def test_nodes_that_are_no_accelerators_are_refused(tree: TreeBuilder, kind: int, major: int, words: str) -> None:
    tree.node("/dev/other", major, 1, kind)
    rewritten(tree, node(path="/dev/other"))
    assert words in failing(tree)


@pytest.mark.parametrize(
    ("path", "minor"),
    [
        ("/dev/kvm", 232),
        ("/dev/fuse", 229),
        ("/dev/mapper/control", 236),
        ("/dev/loop-control", 237),
        ("/dev/net/tun", 200),
        ("/dev/vfio/vfio", 196),
        ("/dev/vhost-net", 238),
        ("/dev/uinput", 223),
        ("/dev/watchdog", 130),
        ("/dev/infiniband/rdma_cm2", 58),
    ],
)
def test_of_the_kernels_miscellaneous_devices_none_but_that_for_connections_is_given(
    tree: TreeBuilder, path: str, minor: int
) -> None:
    tree.node(path, 10, minor)
    rewritten(tree, node(path=path))
    assert f"brings in {path}, which is a device of" in failing(tree)


def test_a_device_of_virtual_machines_is_refused_whatever_its_major(tree: TreeBuilder) -> None:
    tree.node("/dev/vfio/7", CDI_MAJOR, 7)
    rewritten(tree, node(path="/dev/vfio/7"))
    assert "/dev/vfio/7, which is a device of virtual machines" in failing(tree)


def test_the_node_for_connections_of_fabrics_is_given(tree: TreeBuilder) -> None:
    tree.node("/dev/infiniband/rdma_cm", 10, 58)
    rewritten(tree, node(path="/dev/infiniband/rdma_cm"))
    found = vendor(tree).passthrough(vendor(tree).discover()[:1])
    assert ("/dev/infiniband/rdma_cm", 10, 58) in [(node.path, node.major, node.minor) for node in found.nodes]


def test_a_plain_file_in_the_place_of_a_device_node_is_refused(tree: TreeBuilder) -> None:
    tree.at("/dev/xpuctl").unlink()
    tree.text("/dev/xpuctl", "")
    assert "/dev/xpuctl, which is no device node" in failing(tree)


def test_a_node_with_other_numbers_than_the_file_says_is_refused(tree: TreeBuilder) -> None:
    rewritten(tree, node(path="/dev/xpuctl", major=CDI_MAJOR, minor=3))
    assert f"/dev/xpuctl is {CDI_MAJOR}:3, the node has {CDI_MAJOR}:255" in failing(tree)


def test_a_library_that_went_with_an_older_driver_is_named(tree: TreeBuilder) -> None:
    tree.at(f"{LIBRARIES}/libxpu.so.7.1").unlink()
    assert "libxpu.so.7.1, which is not there any more" in failing(tree)


def test_permissions_are_kept_but_for_making_nodes(tree: TreeBuilder) -> None:
    rewritten(tree, node(path="/dev/xpuctl", permissions="rm"))
    found = vendor(tree).passthrough(vendor(tree).discover()[:1])
    assert found.nodes[0].access == "r"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no CDI samples in {SAMPLES}")
def test_the_specifications_good_samples_are_read_and_its_bad_ones_refused() -> None:
    files = sorted(SAMPLES.rglob("*.json"))
    assert len(files) >= 4
    for path in files:
        if path.parent.name == "good":
            assert read_cdi(Tree(), str(path.resolve())).kind == "vendor.com/device"
        else:
            with pytest.raises(DeviceFailure, match=path.name):
                read_cdi(Tree(), str(path.resolve()))
