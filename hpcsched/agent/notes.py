"""The page of one container while it lives: noted, reported, and turned into how it ended."""

from __future__ import annotations

import dataclasses
import logging

from hpcsched.agent.book import Page
from hpcsched.agent.reconcile import Stage
from hpcsched.agent.surroundings import Surroundings
from hpcsched.agent.tasks import Ending
from hpcsched.errors import RuntimeFailure
from hpcsched.model.container import ContainerStatus, EndCause, Phase, Usage, WorkStatus
from hpcsched.runtimes.base import ContainerRuntime

log = logging.getLogger(__name__)


class Notes:
    def __init__(self, page: Page, runtime: ContainerRuntime, around: Surroundings) -> None:
        self.page = page
        self._runtime, self._around = runtime, around

    def turn_to(self, stage: Stage, status: ContainerStatus) -> None:
        """Noted, so that a restarted agent goes on from here.

        Raises RuntimeFailure when that cannot be, before anything that must not happen twice; an end is reported all the same.
        """
        page = dataclasses.replace(self.page, stage=stage, status=status)
        try:
            self._around.book.write(page)
        except RuntimeFailure as error:
            if stage in (Stage.STARTING, Stage.SPAWNED):
                raise
            log.warning("job %d: %s", status.job_id, error)
        self.show(page)

    def note(self, page: Page) -> None:
        """Without what works are doing, which the supervisor knows better. Raises RuntimeFailure."""
        self._around.book.write(dataclasses.replace(page, status=dataclasses.replace(page.status, works=())))
        self.page = page

    def show(self, page: Page) -> None:
        """Reported; without a note, where a restarted agent finds it out again."""
        self.page = page
        self._around.changed()

    def show_works(self, statuses: tuple[WorkStatus, ...]) -> None:
        self.show(dataclasses.replace(self.page, status=dataclasses.replace(self.page.status, works=statuses)))

    def ended(
        self, cause: EndCause, exit_code: int | None = None, number: int | None = None, message: str = ""
    ) -> ContainerStatus:
        return dataclasses.replace(
            self.page.status,
            phase=Phase.EXITED,
            cause=cause,
            exit_code=exit_code,
            signal=number,
            message=message,
            usage=self._runtime.usage(self.page.name),
            end_time=self._around.clock(),
        )

    def exit_status(self, ended: Ending) -> ContainerStatus:
        if ended.failure:
            return self.ended(EndCause.LAUNCH_FAILED, ended.exit_code, message=ended.failure)
        status = self.ended(EndCause.SIGNAL if ended.signal else EndCause.EXIT, ended.exit_code, ended.signal, ended.message)
        if status.usage.oom_kills and ended.exit_code != 0:
            return dataclasses.replace(status, cause=EndCause.OUT_OF_MEMORY, message=_oom_message(status.usage))
        return status


def _oom_message(usage: Usage) -> str:
    return f"the kernel killed {usage.oom_kills} of its processes at the memory limit; ask for more with --mem-per-node"
