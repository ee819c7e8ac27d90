"""What is committed as generated is what `make proto` generates."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_committed_code_is_what_the_protocol_files_generate(tmp_path):
    fresh = tmp_path / "hpcsched" / "v1"
    fresh.mkdir(parents=True)
    subprocess.run([ROOT / "tools" / "proto.sh", fresh], check=True, capture_output=True)
    committed = {path.name: path.read_text() for path in (ROOT / "hpcsched" / "v1").glob("*_pb2*")}
    assert {path.name: path.read_text() for path in fresh.iterdir()} == committed
    assert committed
