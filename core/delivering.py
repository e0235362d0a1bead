"""Brings a finished clip to the person through their platform."""

from __future__ import annotations

from collections.abc import Mapping

from core import texts
from core.collecting import Collector
from core.endings import delivered_buttons, feedback_buttons
from core.errors import PermanentError, Undeliverable
from core.generation import Generation, GenerationStatus
from core.messages import ConversationKey, Delivery
from core.offers import Offers
from core.ports import Clock, Platform, Save

UNLIMITED = 1 << 62


class Deliverer:
    """Puts a delivery together and hands it to the platform."""

    def __init__(
        self, *, platforms: Mapping[str, Platform], collector: Collector, offers: Offers, clock: Clock
    ) -> None:
        self._platforms = platforms
        self._collector = collector
        self._offers = offers
        self._clock = clock

    def connected(self, generation: Generation) -> bool:
        """Whether its platform is set up in this process."""
        return generation.key.platform in self._platforms

    def limit(self, generation: Generation) -> int:
        """The largest file in bytes that can be sent to where the generation was asked for."""
        platform = self._platforms.get(generation.key.platform)
        return platform.limits.upload_bytes if platform is not None else UNLIMITED

    async def another_way(self, generation: Generation) -> ConversationKey | None:
        """Where the clip can be brought when its place does not take it: to the requester alone. None when that is
        where it was refused, or when there is no such place."""
        platform = self._platforms.get(generation.key.platform)
        if platform is None or GenerationStatus.UNDELIVERABLE.value in generation.entered:
            return None
        try:
            direct = await platform.direct(generation.requester)
        except PermanentError:
            return None
        return direct if direct != generation.key else None

    async def deliver(self, generation: Generation, save: Save) -> str:
        """Post the clip, or go on with posting it; returns the message's id.

        Raises TemporaryError, and Undeliverable (or another PermanentError) where the place does not take it."""
        platform = self._platforms.get(generation.key.platform)
        if platform is None:
            raise Undeliverable("this chat is not connected any more")
        clip, plan = generation.clip, generation.plan
        assert plan is not None
        if clip is None:
            raise Undeliverable("its file was deleted")
        path, poster = await self._collector.sent_files(generation)
        facts = await self._collector.sent_facts(generation, path)
        started = generation.entered.get(GenerationStatus.SUBMITTING.value, generation.created_at)
        # What people take to look at it is no part of making it.
        done = GenerationStatus.DELIVERING if generation.review is None else GenerationStatus.PENDING_REVIEW
        finished = generation.entered.get(done.value, self._clock.now())
        smaller = bool(clip.sent) and clip.sent.endswith("smaller.mp4")
        offer = await self._offers.current()
        delivery = Delivery(
            key=generation.elsewhere or generation.key,
            generation=generation.name,
            announcement=texts.clips.announcement(generation),
            caption=texts.clips.caption(
                generation,
                took_s=(finished - started).total_seconds(),
                smaller=smaller,
                muted=bool(clip.sent) and not plan.sound,
            ),
            buttons=delivered_buttons(generation, offer.link(clip.name) if smaller else ""),
            feedback=feedback_buttons(generation),
            reply_to="" if generation.elsewhere else generation.reply_to,
            clip=str(path),
            poster=str(poster),
            file_name=f"{generation.name}.mp4",
            width=facts.width,
            height=facts.height,
            duration_s=facts.duration_s,
            size_bytes=facts.size_bytes,
            requester=generation.requester,
        )
        return await platform.deliver(delivery, generation.delivery, save)
