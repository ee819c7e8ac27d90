"""How many nodes are free over time, by the limits of what runs and what was promised to those that wait.

Nodes are counted in groups whose nodes are alike for all jobs: in such a group the number alone decides, as jobs start in the
order of their times and take any of its nodes.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

import numpy as np

Share = Sequence[tuple[int, int]]
"""(group, nodes of it)."""

CLOSED = 1 << 40


def split(whole: int, masks: Iterable[int]) -> list[int]:
    """The parts of the mask `whole` that each of the masks holds whole or not at all."""
    parts = [whole] if whole else []
    for mask in masks:
        parts = [piece for part in parts for piece in (part & mask, part & ~mask) if piece]
    return parts


class Profile:
    """`free[group][place]`: nodes free from `times[place]` until the next time; the last lasts for ever. `steps`: work done."""

    def __init__(self, now: float, groups: Sequence[int], free: int, ends: Iterable[tuple[float, int]]) -> None:
        self.groups = groups
        self.times = [now]
        counts = [(group & free).bit_count() for group in groups]
        self.free = [[count] for count in counts]
        self.steps = 0
        for end, mask in ends:
            if end == math.inf:
                break
            self._come_free(max(end, now), [(group & mask).bit_count() for group in groups])

    def _come_free(self, time: float, counts: Sequence[int]) -> None:
        """Times rise."""
        if time > self.times[-1]:
            self.times.append(time)
            for column in self.free:
                column.append(column[-1])
        for column, count in zip(self.free, counts, strict=True):
            column[-1] += count

    def earliest(self, groups: Sequence[int], nodes: int, length: float) -> float:
        """When so many nodes of these groups are free for that long; infinity: never."""
        if len(groups) == 1:
            return self._earliest_in(self.free[groups[0]], nodes, length)
        return self._earliest_over(groups, nodes, length)

    def _earliest_in(self, column: Sequence[int], nodes: int, length: float) -> float:
        """Of one group."""
        start = end = math.inf
        for time, count in zip(self.times, column, strict=True):
            if time >= end:
                break
            if count < nodes:
                start = end = math.inf
            elif start == math.inf:
                start, end = time, time + length
        self.steps += bisect_left(self.times, end)
        return start

    def _earliest_over(self, groups: Sequence[int], nodes: int, length: float) -> float:
        """Of several groups, each of which has some of its nodes free for all of that time."""
        free = np.maximum(np.array([self.free[group] for group in groups]), 0)
        short = (free.sum(axis=0) < nodes).nonzero()[0].tolist()
        place, last = 0, len(self.times)
        while place < last:
            stop = bisect_left(self.times, self.times[place] + length, place + 1)
            self.steps += (stop - place) * len(groups)
            next_short = bisect_left(short, place)
            if next_short < len(short) and short[next_short] < stop:
                place = short[next_short] + 1
            elif np.minimum.reduce(free[:, place:stop], axis=1).sum() >= nodes:
                return self.times[place]
            else:
                place += 1
        return math.inf

    def share(self, groups: Sequence[int], nodes: int, start: float, length: float) -> Share:
        """So many nodes, of the first of these groups that have some for all of that time; fewer, when there are no more."""
        first, stop = self._place(start), bisect_left(self.times, start + length)
        shares = []
        for group in groups:
            count = min(nodes, max(0, min(self.free[group][first : max(stop, first + 1)])))
            nodes -= count
            shares.append((group, count))
        return shares

    def book(self, groups: Sequence[int], nodes: int, start: float, length: float) -> Share:
        """So many nodes are taken for that time from when so many are free; none, when there are too few."""
        if len(groups) == 1:
            return self._book_in(groups[0], nodes, start, length)
        share = self.share(groups, nodes, start, length)
        if sum(count for _, count in share) < nodes:
            return ()
        self.take(share, start, length)
        return share

    def _book_in(self, group: int, nodes: int, start: float, length: float) -> Share:
        first, stop = self._cut(start), self._cut(start + length)
        column = self.free[group]
        there = column[first:stop]
        self.steps += len(there)
        if min(there or column[first : first + 1]) < nodes:
            return ()
        column[first:stop] = [free - nodes for free in there]
        return ((group, nodes),)

    def take(self, share: Share, start: float, length: float, sign: int = 1) -> None:
        """They are in use for that time; with `sign` -1 not any more."""
        first, stop = self._cut(start), self._cut(start + length)
        self.steps += stop - first
        for group, count in share:
            if count:
                column, less = self.free[group], sign * count
                column[first:stop] = [free - less for free in column[first:stop]]

    def close(self, mask: int, start: float, end: float) -> None:
        """No node of the groups within the mask is free for anyone in that time."""
        now = self.times[0]
        closed = [(number, CLOSED) for number, group in enumerate(self.groups) if group & mask]
        if end > now and closed:
            self.take(closed, max(start, now), end - max(start, now))

    def open(self, mask: int, start: float, end: float) -> None:
        """Nodes of the mask are free in that time, in which they were not before."""
        more = [(number, (group & mask).bit_count()) for number, group in enumerate(self.groups) if group & mask]
        if end > start:
            self.take(more, max(start, self.times[0]), end - max(start, self.times[0]), -1)

    def _place(self, time: float) -> int:
        return max(0, bisect_right(self.times, time) - 1)

    def _cut(self, time: float) -> int:
        """The place that begins at that time."""
        if time == math.inf:
            return len(self.times)
        place = bisect_left(self.times, time)
        if place == len(self.times) or self.times[place] != time:
            self.times.insert(place, time)
            for column in self.free:
                column.insert(place, column[place - 1])
        return place
