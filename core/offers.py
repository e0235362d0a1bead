"""What can be had right now: the catalogue's models of the providers set up here, as far as an admin allows them, with
times from our own history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.approvers import Approvers
from core.catalogue import Catalogue
from core.planning import Terms, from_history
from core.ports import Clock
from core.repositories import Generations
from core.response import Offer

FRESH_FOR = timedelta(seconds=60)
"""How long the times of the latest clips are taken as they were read."""

Link = Callable[[str, datetime], str]
"""A link to a kept file that works until a time, or "" where nothing can be reached from outside."""


class Offers:
    """Knows what is on offer."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        providers: Sequence[str],
        terms: Terms,
        generations: Generations,
        clock: Clock,
        approvers: Approvers | None = None,
        link: Link = lambda name, until: "",
        link_valid: timedelta = timedelta(),
    ) -> None:
        """`providers`: names of the providers set up, the preferred one first. Without `link`, offers have no links;
        without `approvers`, nobody is named who could decide about what others order."""
        self.terms = terms
        self._catalogue = catalogue
        self._providers = tuple(providers)
        self._approvers = approvers
        self._generations = generations
        self._clock = clock
        self._link = link
        self._link_valid = link_valid
        self._read_at: datetime | None = None
        self.last = Offer(models=(), terms=terms)
        """The latest offer that was made."""

    async def current(self) -> Offer:
        """The offer now."""
        now = self._clock.now()
        if not self._fresh(now):
            models = [
                replace(model, expected_s=from_history(await self._generations.times(model.id), model.expected_s))
                for model in self.terms.allowance.of(self._catalogue.offered(self._providers, now))
            ]
            until = now + self._link_valid
            self.last = Offer(
                models=tuple(models),
                terms=self.terms,
                link=lambda name: self._link(name, until),
                link_until=f"{until:%d %B %Y}",
            )
            self._read_at = now
        approvers = await self._approvers.current() if self._approvers is not None else ()
        if approvers != self.last.approvers:
            self.last = replace(self.last, approvers=approvers)
        return self.last

    def _fresh(self, now: datetime) -> bool:
        """Whether the latest offer still holds; prices change when a day begins in UTC, so it ends then in any case."""
        if self._read_at is None or self._read_at.astimezone(UTC).date() != now.astimezone(UTC).date():
            return False
        return timedelta() <= now - self._read_at < FRESH_FOR
