"""Device nodes as they were granted, and what is made of the kernel's answers."""

import os
import stat

import pytest

from hpcsched.errors import BindingMismatch, ContainerGone, RuntimeFailure
from hpcsched.model.container import DeviceNode
from hpcsched.runtimes.build import init_binary
from hpcsched.runtimes.devices import check_inside, check_nodes, numbers, try_nodes

NULL = DeviceNode("/dev/null", 1, 3)
NVIDIA = DeviceNode("/dev/nvidia0", 195, 0)


@pytest.fixture(scope="module")
def init(tmp_path_factory):
    return init_binary(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def group(tmp_path):
    """Takes the process that tries, as `cgroup.procs` does."""
    (tmp_path / "cgroup.procs").write_text("")
    return tmp_path / "cgroup.procs"


def made(path, major, minor, kind=stat.S_IFCHR):
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.mknod(path, kind | 0o600, os.makedev(major, minor))
    except PermissionError:
        pytest.skip("only root may make device nodes")


def test_a_node_that_is_what_it_says_passes():
    check_nodes([NULL])


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (DeviceNode("/dev/null", 1, 5), "device node /dev/null is c 1:3, not c 1:5"),
        (DeviceNode("/dev/null", 1, 3, "b"), "is c 1:3, not b 1:3"),
        (DeviceNode("/dev/no-such-node", 195, 0), "/dev/no-such-node is not there, not c 195:0"),
        (DeviceNode("/dev/fd", 1, 3), "/dev/fd is not there"),
    ],
)
def test_a_node_that_is_not_what_was_granted_is_named_with_both(node, words):
    with pytest.raises(RuntimeFailure, match=words):
        check_nodes([NULL, node])


@pytest.mark.parametrize(
    "path", ["/etc/null", "dev/null", "/dev/../etc/x", "/dev//null", "/dev/a b", "/dev/a\nb", "", "/dev/./null"]
)
def test_a_path_that_could_say_more_than_one_node_is_refused(path):
    with pytest.raises(RuntimeFailure, match="no plain path under /dev"):
        check_nodes([DeviceNode(path, 1, 3)])


@pytest.mark.parametrize(("kind", "access"), [("c", ""), ("c", "rx"), ("x", "rw"), ("c", "rw\nc *:* rwm")])
def test_a_rule_that_is_none_is_refused(kind, access):
    with pytest.raises(RuntimeFailure, match="is no kind"):
        check_nodes([DeviceNode("/dev/null", 1, 3, kind, access)])


def test_numbers_are_those_of_the_node_itself_not_of_what_it_leads_to(tmp_path):
    made(tmp_path / "node", 195, 77)
    made(tmp_path / "disk", 259, 1, stat.S_IFBLK)
    (tmp_path / "link").symlink_to("node")
    (tmp_path / "file").write_text("")
    assert [numbers(tmp_path / name) for name in ("node", "disk", "link", "file", "none")] == ["c 195:77", "b 259:1", "", "", ""]


def test_inside_is_all_that_was_granted_and_nothing_else(tmp_path):
    made(tmp_path / "dev/nvidia0", 195, 0)
    check_inside(tmp_path, [NVIDIA], [DeviceNode("/dev/nvidia1", 195, 1)])
    with pytest.raises(BindingMismatch, match=r"/dev/nvidia1 inside asked c 195:1, the kernel shows \(none\)"):
        check_inside(tmp_path, [NVIDIA, DeviceNode("/dev/nvidia1", 195, 1)], [])
    with pytest.raises(BindingMismatch, match=r"/dev/nvidia0 inside asked \(none\), the kernel shows c 195:0"):
        check_inside(tmp_path, [], [NVIDIA])
    with pytest.raises(BindingMismatch, match="asked c 195:9, the kernel shows c 195:0"):
        check_inside(tmp_path, [DeviceNode("/dev/nvidia0", 195, 9)], [])


def test_each_node_is_tried_as_its_rule_allows(init, group, tmp_path):
    made(tmp_path / "driverless", 195, 77)
    nodes = [NULL, DeviceNode(str(tmp_path / "driverless"), 195, 77), DeviceNode(str(tmp_path / "none"), 1, 1)]
    assert list(try_nodes(init, group, nodes).values()) == ["ok", "ENXIO", "ENOENT"]
    assert group.read_text() == "0"


def test_a_node_that_may_only_be_read_is_not_tried_for_writing(init, group):
    """A directory opens for reading, and for nothing else."""
    tried = [try_nodes(init, group, [DeviceNode("/dev", 1, 1, access=access)])["/dev"] for access in ("r", "w", "rw")]
    assert tried == ["ok", "EISDIR", "EISDIR"]


def test_a_group_that_is_gone_is_a_container_that_is(init, tmp_path):
    with pytest.raises(ContainerGone, match=r"cgroup\.procs: No such file"):
        try_nodes(init, tmp_path / "gone/cgroup.procs", [NULL])


def test_a_device_that_does_not_answer_is_given_up_and_those_before_it_count(tmp_path, group):
    hanging = tmp_path / "hanging"
    hanging.write_text("#!/bin/sh\necho 0\nexec sleep 987\n")
    hanging.chmod(0o755)
    nodes = [DeviceNode(f"/dev/{name}", 1, 1) for name in ("a", "b", "c")]
    assert try_nodes(hanging, group, nodes, 0.5) == {"/dev/a": "ok", "/dev/b": "ETIMEDOUT", "/dev/c": "ETIMEDOUT"}
