"""Which MPI there is and how its processes are started; HPC Challenge's input and output."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcsched.bench import hpcc
from hpcsched.bench.about import Size
from hpcsched.bench.mpi import Mpi, Transport, find, name_of, one_cpu_of_each_core
from hpcsched.errors import MissingTool, WrongResult
from hpcsched.model.idset import IdSet

OUTPUT = """\
Begin of Summary section.
Success=1
HPL_Tflops=0.00117268
HPL_eps=1.11022e-16
HPL_RnormI=1.64491e-12
HPL_AnormI=393.635
HPL_XnormI=4.04025
HPL_BnormI=0.499942
HPL_N=1500
StarDGEMM_Gflops=0.700633
StarSTREAM_Triad=23.4495
MPIRandomAccess_GUPs=0.00246658
MPIRandomAccess_ErrorsFraction=0
End of Summary section.
"""


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("mpirun (Open MPI) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/\n", "Open MPI 4.1.4"),
        ("mpirun (Open MPI) 5.0.7rc1\n", "Open MPI 5.0.7rc1"),
        ("HYDRA build details:\n    Version:                                 4.0.2\n    Release Date: x\n", "MPICH 4.0.2"),
        ("Intel(R) MPI Library for Linux* OS, Version 2021.9\n", "Intel(R) MPI Library for Linux* OS, Version 2021.9"),
        ("", "an MPI that does not say its name"),
    ],
)
def test_an_mpi_is_named_by_what_its_launcher_prints(version: str, name: str) -> None:
    assert name_of(version) == name


def test_the_transport_is_forced_by_the_name_that_the_version_knows() -> None:
    old, new = Mpi("Open MPI 4.1.4", "mpirun"), Mpi("Open MPI 5.0.7", "mpirun")
    assert old.env(Transport.SHARED)["OMPI_MCA_btl"] == "self,vader"
    assert new.env(Transport.SHARED)["OMPI_MCA_btl"] == "self,sm"
    assert old.env(Transport.TCP)["OMPI_MCA_btl"] == "self,tcp"
    assert "OMPI_MCA_btl" not in old.env()
    assert old.command(4)[-4:] == ["-np", "4", "--bind-to", "none"]
    assert Mpi("MPICH 4.0.2", "mpiexec").command(4) == ["mpiexec", "-n", "4"]


def test_each_core_gives_its_lowest_bound_thread(tmp_path: Path) -> None:
    for number in range(4):
        folder = tmp_path / f"devices/system/cpu/cpu{number}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{number % 2},{number % 2 + 2}\n")
    assert one_cpu_of_each_core(IdSet.parse("0-3"), tmp_path) == [0, 1]
    assert one_cpu_of_each_core(IdSet.parse("1-3"), tmp_path) == [1, 2]


def test_a_node_without_mpi_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="apt install openmpi-bin libopenmpi-dev"):
        find()
    assert "apt install hpcc" in hpcc.find(Size.FULL, 4).lacks[0]
    (tmp_path / "hpcc").write_text("#!/bin/sh\n")
    (tmp_path / "hpcc").chmod(0o755)
    assert "--size full" in hpcc.find(Size.QUICK, 4).lacks[0]
    assert "mpirun" in hpcc.find(Size.FULL, 4).lacks[0]


@pytest.mark.parametrize(("processes", "wanted"), [(1, (1, 1)), (2, (1, 2)), (12, (3, 4)), (13, (1, 13)), (64, (8, 8))])
def test_the_grid_is_as_square_as_it_can_be(processes: int, wanted: tuple[int, int]) -> None:
    assert hpcc.grid(processes) == wanted


def test_the_input_has_its_values_on_the_lines_where_hpl_reads_them() -> None:
    lines = hpcc.input_file(2520, 6).splitlines()
    assert [lines[number - 1].split()[0] for number in (6, 8, 11, 12, 13)] == ["2520", "96", "2", "3", "16.0"]
    assert len(lines) == 36


def test_the_output_gives_figures_in_our_units_and_hpl_s_own_residual() -> None:
    found = hpcc.read_output(OUTPUT)
    assert found["StarSTREAM_Triad"] == "23.4495"
    assert hpcc.residual(found) == pytest.approx(0.0062087, rel=1e-4)
    hpcc.check(found)


@pytest.mark.parametrize(
    ("good", "bad", "word"),
    [
        ("Success=1", "Success=0", "one of its tests failed"),
        ("HPL_RnormI=1.64491e-12", "HPL_RnormI=1.64491e-8", "residual"),
        ("HPL_RnormI=1.64491e-12", "HPL_RnormI=nan", "residual"),
        ("ErrorsFraction=0", "ErrorsFraction=0.02", "RandomAccess"),
    ],
)
def test_a_wrong_result_of_hpcc_has_no_speed(good: str, bad: str, word: str) -> None:
    with pytest.raises(WrongResult, match=word):
        hpcc.check(hpcc.read_output(OUTPUT.replace(good, bad)))


def test_a_figure_that_hpcc_did_not_print_is_named() -> None:
    with pytest.raises(WrongResult, match="StarDGEMM_Gflops"):
        hpcc.read_output(OUTPUT.replace("StarDGEMM_Gflops=0.700633", "StarDGEMM_Gflops="))
