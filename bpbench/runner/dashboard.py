"""Dask's dashboard of the workers, loaded when somebody first looks at it.

It is half a second's work to load, most of it bokeh's, in which a scheduler answers nobody; few runs are looked at.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from tornado import web


def can_be_shown() -> bool:
    """Return whether bokeh, which draws it, is installed."""
    return find_spec("bokeh") is not None


def offer(scheduler: Any) -> None:
    """Have a scheduler that was started without a dashboard show it all the same, where bokeh is installed.

    Parameters
    ----------
    scheduler : distributed.Scheduler
        Of this process.
    """
    if can_be_shown():
        scheduler.http_application.add_application(web.Application([(r".*", _First, {"scheduler": scheduler})]))


class _First(web.RequestHandler):
    """Answers the first request that nothing else answers: loads the dashboard in its own place and asks again."""

    def initialize(self, scheduler: Any) -> None:
        self.scheduler = scheduler

    def get(self, *_: str) -> None:
        from distributed.dashboard.scheduler import connect

        pages = self.scheduler.http_application
        if self.application in pages.applications:  # two may ask at once
            pages.applications.remove(self.application)
            connect(pages, self.scheduler.http_server, self.scheduler)
        self.redirect(str(self.request.uri))
