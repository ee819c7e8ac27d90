"""Hostile and oversized XML: one line of refusal, in bounded time and memory."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from hpcsched.errors import TopologyError
from hpcsched.hardware.topology import parse_topology, topology_from_file
from hpcsched.hardware.xmltree import MAX_DEPTH, MAX_ELEMENTS, MAX_XML_BYTES
from tests.captures import GOLDEN
from tests.topology_xml import core, inside, numa, pci, xml

NIC = "0200 [15b3:1021] [15b3:0041] 00"
PUS = 1 << 16
WHOLE = ",".join(["0xffffffff"] * 2048)
LARGE = {
    "50 MB of objects": (b'<topology version="2.0">' + b"<object/>" * 5_600_000, "more than 33554432 bytes"),
    "50 MB in one attribute": (b'<topology version="' + b"2" * 50_000_000 + b'"/>', "more than 33554432 bytes"),
    "30 MB in one attribute": (b'<topology version="' + b"9" * 30_000_000 + b'"/>', "is not known"),
    "30 MB of text": (b"<topology>" + b"x" * 30_000_000 + b"</topology>", "hwloc 1"),
    "30 MB of empty objects": (b'<topology version="2.0">' + b"<object/>" * 3_300_000, f"more than {MAX_ELEMENTS} elements"),
    "a million names": (
        xml(core(0), pci("0000:01:00.0", NIC, *map(str, range(MAX_ELEMENTS)))),
        f"more than {MAX_ELEMENTS} elements",
    ),
    "a long row of devices of the same address": (xml(core(0), *[pci("0000:01:00.0", NIC)] * 60_000), "0000:01:00.0 twice"),
    "a long mask": (xml(numa(0, ",".join(["0x1"] * 3_000_000)), core(0)), "bad cpuset"),
    "a long number": (
        xml(core(0), inside("Package", "0x1")).replace(b'os_index="0"', b'os_index="' + b"9" * 10**7 + b'"'),
        "bad",
    ),
}
SOUND = {
    "65,536 PUs": xml(numa(0, WHOLE), *map(core, range(PUS))),
    "1,024 NUMA nodes near all of 16,384 PUs": xml(
        *(numa(index, ",".join(["0xffffffff"] * 512)) for index in range(1024)), *map(core, range(16_384))
    ),
    "4,096 devices on 4,096 cores": xml(
        numa(0, ",".join(["0xffffffff"] * 128)),
        *map(core, range(4096)),
        *(pci(f"0000:{bus:02x}:{slot:02x}.{part}", NIC) for bus in range(16) for slot in range(32) for part in range(8)),
        machine=f'cpuset="{",".join(["0xffffffff"] * 128)}"',
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_too_much_is_refused_in_one_line_within_seconds(name: str) -> None:
    document, reason = LARGE[name]
    began = monotonic()
    with pytest.raises(TopologyError, match=reason) as caught:
        parse_topology(document)
    assert monotonic() - began < 20
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", SOUND)
def test_the_largest_machines_are_read_within_seconds(name: str) -> None:
    began = monotonic()
    assert parse_topology(SOUND[name]).cores
    assert monotonic() - began < 20


def test_nesting_just_below_the_limit_is_read() -> None:
    deepest = MAX_DEPTH - 4
    nested = "".join(['<object type="Group">'] * deepest) + core(0) + "</object>" * deepest
    assert parse_topology(xml(nested)).cores
    with pytest.raises(TopologyError, match="nested deeper"):
        parse_topology(xml(f'<object type="Group">{nested}</object>'))


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(TopologyError, match=f"more than {MAX_XML_BYTES} bytes"):
        topology_from_file(Path("/dev/zero"))


def test_a_large_document_takes_little_memory() -> None:
    """In a process of its own with 1 GiB of address space, which the interpreter and 32 MB of XML share."""
    code = (
        "from hpcsched.hardware.topology import parse_topology\n"
        "from hpcsched.errors import TopologyError\n"
        'text = b\'<topology version="2.0">\' + b\'<object type="Group" os_index="1" cpuset="0xffff"/>\' * 600_000\n'
        "try: parse_topology(text)\n"
        "except TopologyError as error: print(error)\n"
    )
    limit = (1 << 30, 1 << 30)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit),
    )
    assert done.stdout.strip() == f"the topology's XML has more than {MAX_ELEMENTS} elements", done.stderr[-300:]


@pytest.mark.parametrize("keep", range(0, len(GOLDEN.read_bytes()) - 20, 997))
def test_xml_that_ends_early_is_refused_wherever_it_ends(keep: int) -> None:
    with pytest.raises(TopologyError, match="not well-formed"):
        parse_topology(GOLDEN.read_bytes()[:keep])


@pytest.mark.parametrize("what", ["SYSTEM 'file:///etc/passwd'", "PUBLIC 'x' 'http://127.0.0.1:1/x'"])
def test_nothing_outside_the_document_is_fetched(what: str) -> None:
    document = f'<!DOCTYPE topology [<!ENTITY e {what}>]><topology version="2.0">&e;</topology>'.encode()
    with pytest.raises(TopologyError, match="DTD of its own"):
        parse_topology(document)
    named = f'<!DOCTYPE topology {what}><topology version="2.0">&e;</topology>'.encode()
    with pytest.raises(TopologyError, match="no machine"):
        parse_topology(named)
