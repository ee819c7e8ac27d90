"""The supervisor of a container, as a process of its own."""

import subprocess

import pytest

from hpcsched.runtimes.build import init_binary
from hpcsched.runtimes.connection import listen


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    return init_binary(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def path(binary, tmp_path):
    """The socket of a running supervisor, in a folder whose name is longer than a socket address may be."""
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    with listen(folder / "init.sock") as listener:
        process = subprocess.Popen([binary, "--listen", str(listener.fileno()), "--bare"], pass_fds=[listener.fileno()])
    yield folder / "init.sock"
    assert process.poll() is None
    process.kill()
    process.wait()
