"""Run as a child: holds the journal of a folder and appends without end, telling each position once it is durable."""

import sys
from pathlib import Path

from hpcsched.stores.sqlite import SqliteJournal


def main(folder: Path, batch: int) -> None:
    journal = SqliteJournal(folder)
    journal.open()
    _, position, entries = journal.load()
    position += sum(1 for _ in entries)
    print("open", position, flush=True)
    while True:
        journal.append(position, [("Kind", f"{position + number}".encode()) for number in range(1, batch + 1)])
        position += batch
        print(position, flush=True)
        if position % 50 == 0:
            journal.save_snapshot(position - 10, f"up to {position - 10}".encode())


main(Path(sys.argv[1]), int(sys.argv[2]))
