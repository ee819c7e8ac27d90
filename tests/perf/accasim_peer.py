"""AccaSim (Galleguillos et al. 2020), a simulator in Python that has nodes too, on the same trace: prints its CPU seconds.

`python accasim_peer.py TRACE.swf PROCESSORS FOLDER`, with a Python that has it.
"""

import collections
import collections.abc
import json
import logging
import sys
import time
from pathlib import Path


def main(trace: Path, processors: int, folder: Path) -> float:
    """Its backfilling looks for other nodes than ours does, and so starts jobs at other times: only the cost is compared."""
    for name in ("Mapping", "MutableMapping"):  # where Python 3.9 and older, for which it was written, had them
        setattr(collections, name, getattr(collections.abc, name))
    from accasim.base.allocator_class import FirstFit
    from accasim.base.scheduler_class import EASYBackfilling
    from accasim.base.simulator_class import Simulator

    system = folder / "system.json"
    groups = {"groups": {"all": {"core": 1}}, "resources": {"all": processors}, "equivalence": {"processor": {"core": 1}}}
    system.write_text(json.dumps({"system_name": "peer", "start_time": 0, **groups}))
    quiet = {"scheduling_output": False, "statistics_output": False, "show_statistics": False}
    simulator = Simulator(str(trace), str(system), EASYBackfilling(FirstFit()), RESULTS_FOLDER_PATH=str(folder), **quiet)
    logging.disable()
    began = time.process_time()
    simulator.start_simulation()
    return time.process_time() - began


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
