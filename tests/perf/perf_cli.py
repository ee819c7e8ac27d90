"""How long the command line takes to start."""

from tests.perf.cluster import PYTHON, run_command, timings_ms, words


def measure() -> list[tuple[str, str]]:
    command = (PYTHON, "-m", "hpcsched.cli.main")
    return [
        ("python -c pass (the floor)", words(timings_ms(run_command(PYTHON, "-c", "pass"), 15))),
        ("hpcsched --version", words(timings_ms(run_command(*command, "--version"), 15))),
        ("hpcsched --help (aim: 150 ms)", words(timings_ms(run_command(*command, "--help"), 15))),
        ("hpcsched submit --help", words(timings_ms(run_command(*command, "submit", "--help"), 15))),
        ("import of hpcsched.client (gRPC)", words(timings_ms(run_command(PYTHON, "-c", "import hpcsched.client"), 15))),
    ]
