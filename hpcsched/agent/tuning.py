"""Settings of the whole node for as long as a job has it: noted, changed, read back, put back.

What a node lacks or refuses is told and the job runs. Of several jobs on one machine the oldest decides, and the last one out
puts back what was there before the first. What cannot be put back stays noted, and is tried again whenever someone looks.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path

from hpcsched.agent.tuning_notes import Holder, Note, TuningNotes
from hpcsched.config import Tuning
from hpcsched.hardware import tunables
from hpcsched.hardware.host import boot_id
from hpcsched.hardware.tunables import IRQ_AFFINITY, Knob
from hpcsched.model.container import TunedSetting
from hpcsched.model.idset import IdSet

log = logging.getLogger(__name__)
SHARED = Path("/run/hpcsched/tuning")
NAMED = 3
"""So many interrupts that stay where they are get a name."""


class Tuner:
    """`owner`: this agent's state folder. `shared`: the notes of all agents of the machine. `root`: of /proc and /sys."""

    def __init__(self, owner: Path, tunings: Mapping[str, Tuning], shared: Path = SHARED, root: Path = tunables.ROOT) -> None:
        self._owner, self._tunings, self._root = str(owner.resolve()), tunings, root
        self._notes = TuningNotes(shared, boot_id(root))

    def apply(self, name: str, tuning: str, cpus: IdSet) -> tuple[TunedSetting, ...]:
        """Before the container of that name starts; nothing for an empty tuning. May be repeated."""
        wanted = self._tunings.get(tuning)
        if wanted is None:
            return (TunedSetting("tuning", "", tuning, "unknown to this node"),) if tuning else ()
        try:
            return self._apply(name, wanted, cpus)
        except OSError as error:
            log.warning("cannot note what tuning %s would change, so it changes nothing: %s", tuning, error)
            return tuple(
                TunedSetting(setting, "", wish, f"not changed: cannot note what it was: {error.strerror}")
                for setting, wish in tunables.asked(wanted).items()
            )

    def _apply(self, name: str, wanted: Tuning, cpus: IdSet) -> tuple[TunedSetting, ...]:
        knobs = tunables.knobs(wanted, cpus, self._root)
        with self._notes.opened() as notes:
            mine = _joined(notes, knobs, self._owner, name)
            failed = self._turn(notes, [(note, self._goal(note)) for note in mine])
            for note in mine:
                if note.path in failed:
                    note.drop(lambda holder: holder.name == name)
            self._close(notes, {note.path for note in notes if tunables.value(Path(note.path)) != note.before})
        return tuple(self._outcome(setting, wish, mine, failed, cpus) for setting, wish in tunables.asked(wanted).items())

    def restore(self, name: str) -> None:
        """Put back what `apply` changed for that container; doing it twice is harmless. Raises OSError."""
        self._release(lambda holder: holder.name == name)

    def adopt(self, known: set[str]) -> None:
        """Put back what was changed for this agent's containers that are not known any more, and for agents that are gone."""
        try:
            self._release(lambda holder: self._is_over(holder, known))
        except OSError as error:
            log.warning("cannot put back what jobs have changed on this node: %s", error)

    def faults(self) -> list[str]:
        """What could not be put back, also now, one line for each setting and reason. Raises OSError."""
        stuck = _told_stuck(self._release(lambda holder: False))
        damage = self._notes.damage()
        return [*stuck, damage] if damage else stuck

    def _is_over(self, holder: Holder, known: set[str]) -> bool:
        return holder.name not in known if holder.owner == self._owner else not Path(holder.owner).exists()

    def _release(self, over: Callable[[Holder], bool]) -> list[tuple[Note, str]]:
        """In reverse order; what someone else has changed in between stays. Returns what is still to be put back, and why."""
        if not self._notes.any():
            return []
        with self._notes.opened() as notes:
            left = [note for note in reversed(notes) if note.drop(over) or not note.holders]
            failed = self._turn(notes, [(note, self._goal(note)) for note in left if _is_ours(note)])
            self._close(notes, failed)
            return [(note, failed[note.path]) for note in notes if not note.holders]

    def _goal(self, note: Note) -> str:
        return tunables.target(note.setting, note.before, note.wishes(), tunables.online(self._root))

    def _turn(self, notes: list[Note], goals: Sequence[tuple[Note, str]]) -> dict[str, str]:
        """Note the values, then put them there; by path, why one could not be."""
        for note, goal in goals:
            note.remember(goal)
        self._notes.save(notes)
        return {note.path: why for note, goal in goals if (why := _put(note, goal))}

    def _close(self, notes: list[Note], changed: Container[str]) -> None:
        """Keep those that somebody wants or whose paths are among the changed ones, which are to be put back."""
        notes[:] = [note for note in notes if note.holders or note.path in changed]
        self._notes.save(notes)

    def _outcome(self, setting: str, wish: str, notes: Sequence[Note], failed: Mapping[str, str], cpus: IdSet) -> TunedSetting:
        turned = [note for note in notes if note.setting == setting]
        if setting == IRQ_AFFINITY:
            return _interrupts_outcome(wish, turned, failed, cpus, tunables.online(self._root) - cpus)
        if not turned:
            return TunedSetting(setting, "", wish, f"absent: {tunables.ABSENT[setting]}")
        why = "".join(
            f" (cannot be changed: {reason})" for reason in sorted({failed[n.path] for n in turned if n.path in failed})
        )
        observed = ",".join(sorted({tunables.value(Path(note.path)) for note in turned}))
        return TunedSetting(setting, ",".join(sorted({note.before for note in turned})), wish, observed + why)


def _joined(notes: list[Note], knobs: Sequence[Knob], owner: str, name: str) -> list[Note]:
    """The notes of these knobs, new where there was none, with the container among those who want them."""
    known = {note.path: note for note in notes}
    mine = [note for knob in knobs if (note := _note_of(known.get(str(knob.path)), knob))]
    wishes = {str(knob.path): knob.wish for knob in knobs}
    for note in mine:
        note.join(Holder(owner, name, wishes[note.path]))
    notes.extend(note for note in mine if note.path not in known)
    return mine


def _note_of(known: Note | None, knob: Knob) -> Note | None:
    """None for a knob that need not be turned, or cannot be read."""
    now = tunables.value(knob.path)
    if not now or not (tunables.concerns(knob, now) or (known and tunables.concerns(knob, known.before))):
        return None
    return known or Note(knob.setting, str(knob.path), now)


def _is_ours(note: Note) -> bool:
    now = tunables.value(Path(note.path))
    if now not in note.ours and now != note.before:
        log.warning("%s was %s and reads %r, which no job asked for: left as it is", note.path, note.before, now)
    return now in note.ours


def _told_stuck(stuck: Sequence[tuple[Note, str]]) -> list[str]:
    """`SETTING could not be put back to VALUE: WHY (FILE and N more)`."""
    files: dict[str, list[str]] = {}
    for note, why in stuck:
        files.setdefault(f"{note.setting} could not be put back to {note.before}: {why}", []).append(note.path)
    more = {what: f" and {len(paths) - 1} more" if len(paths) > 1 else "" for what, paths in files.items()}
    return [f"{what} ({paths[0]}{more[what]})" for what, paths in files.items()]


def _put(note: Note, goal: str) -> str:
    """Why it could not be; empty when it could. What the kernel makes of it is noted as ours too."""
    path = Path(note.path)
    if tunables.value(path) == goal:
        return ""
    try:
        path.write_text(goal)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    note.remember(tunables.value(path))
    return ""


def _interrupts_outcome(
    wish: str, notes: Sequence[Note], failed: Mapping[str, str], cpus: IdSet, elsewhere: IdSet
) -> TunedSetting:
    """Those that may still come to the job's CPUs are named: the kernel lets no one move some (EIO)."""
    before = f"{len(notes)} on the job's CPUs"
    if not elsewhere:
        return TunedSetting(IRQ_AFFINITY, before, wish, "absent: the job has all CPUs")
    stay = [note for note in notes if not tunables.cpu_list(tunables.value(Path(note.path))).isdisjoint(cpus)]
    if not stay:
        return TunedSetting(IRQ_AFFINITY, before, wish, wish)
    named = [f"{tunables.interrupt(Path(note.path))} ({failed.get(note.path, 'put back')})" for note in stay[:NAMED]]
    more = [f"{len(stay) - NAMED} more"] if len(stay) > NAMED else []
    return TunedSetting(IRQ_AFFINITY, before, wish, f"{len(stay)} of {len(notes)} stay: {', '.join([*named, *more])}")
