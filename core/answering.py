"""Turns a decision into an answer: puts the response together and saves everything that follows in one transaction."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.approvers import Approvers
from core.bounds import MAX_TEXT
from core.conversation import Conversation, Turn, Waiting, remembered, titled
from core.errors import ReelbotError
from core.generation import Generation, GenerationStatus
from core.limits import Budget, Cap, OverLimit, Standings, caps_of
from core.messages import ConversationKey, Incoming, Message, Press
from core.offers import Offers
from core.outbox import Outbox
from core.ports import ClipStore, Clock, Obstacle, Platform
from core.reading import Reading
from core.repositories import Changes, Generations, Inbox, Scene
from core.response import Offer, Response
from core.routing import LARGEST_ID, opens_another

log = logging.getLogger("reelbot.answering")

Fill = Callable[[Response], None]
"""Does to a response what a message calls for. Pure, so that it can be tried before it counts."""
Notify = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a response depends on, and has to be looked up; by default, that there is nothing to be heeded."""

    obstacle: Obstacle | None = None
    ids: tuple[int, ...] = ()
    """For the generations that it begins."""
    standings: Standings = field(default_factory=Standings)
    places: Mapping[str, ConversationKey] = field(default_factory=dict)
    """Where each of those who may decide can be asked, by person."""
    ahead: int = 0
    """How many other orders of its requester count against what it asks for."""


class Answering:
    """Makes and saves answers."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        generations: Generations,
        platforms: Mapping[str, Platform],
        clips: ClipStore,
        offers: Offers,
        approvers: Approvers,
        outbox: Outbox,
        started: Notify,
        woken: Notify,
        clock: Clock,
    ) -> None:
        """`started` is told of every generation that was ordered or goes on, `woken` of every one under way that has
        to look at its row."""
        self._inbox = inbox
        self._generations = generations
        self._platforms = platforms
        self._clips = clips
        self._offers = offers
        self._approvers = approvers
        self._outbox = outbox
        self._started = started
        self._woken = woken
        self._clock = clock

    def trial(self, scene: Scene, incoming: Incoming, *, over: OverLimit | None = None) -> Response:
        """A response to look at, or to try something on; it is never saved."""
        return Response(
            scene,
            person=incoming.sender,
            source_id=incoming.id,
            reply_to="",
            offer=self._offers.last,
            ids=itertools.count(LARGEST_ID),
            now=self._clock.now(),
            over=over,
            private=incoming.private,
        )

    async def answer(
        self,
        scene: Scene,
        waiting: tuple[Waiting, ...],
        fill: Fill,
        *,
        reading: Reading | None = None,
        switched_to: Conversation | None = None,
    ) -> None:
        """Answer what waited, save it, and set going what follows. Raises StaleRow when a row changed meanwhile."""
        incoming = waiting[0].incoming
        wordings = reading.questions if reading else {}
        response = await self._response(scene, incoming, fill, wordings)
        for name in response.erased:
            await self._clips.delete(name)
        try:
            await self._save(response, scene, waiting, reading, switched_to)
        except OverLimit as error:
            log.info("order.over_limit", extra={"budget": error.cap.budget.value})
            response = await self._response(scene, incoming, fill, wordings, over=error)
            await self._save(response, scene, waiting, reading, switched_to)
        for place in {outgoing.post.key for outgoing in response.posts}:
            self._outbox.wake(place)
        for generation_id in response.started:
            await self._started(generation_id)
        for generation_id in response.woken:
            await self._woken(generation_id)

    async def done(self, waiting: Waiting) -> None:
        """Nothing is to be answered."""
        await self._inbox.commit(Changes(done=(waiting.row,), at=self._clock.now()))

    async def _response(
        self,
        scene: Scene,
        incoming: Incoming,
        fill: Fill,
        wordings: Mapping[str, str],
        *,
        over: OverLimit | None = None,
    ) -> Response:
        """Put together to learn what it depends on, such as new ids, and once more when that is anything.

        `over`: the limit that the order in it was found to go over."""
        offer = await self._offers.current()

        def put_together(facts: Facts) -> Response:
            response = Response(
                scene,
                person=incoming.sender,
                source_id=incoming.id,
                reply_to="" if incoming.private or isinstance(incoming, Press) else incoming.id,
                offer=offer,
                ids=iter(facts.ids) if facts.ids else itertools.count(LARGEST_ID),
                now=self._clock.now(),
                obstacle=facts.obstacle,
                whisper=incoming.summoned if isinstance(incoming, Message) else incoming.whispered,
                standings=facts.standings,
                over=over,
                private=incoming.private,
                places=facts.places,
                ahead=facts.ahead,
            )
            fill(response)
            response.shape(wordings)
            return response

        nothing = Facts()
        response = put_together(nothing)
        facts = await self._facts(response, incoming.key, offer)
        return response if facts == nothing else put_together(facts)

    async def _facts(self, response: Response, key: ConversationKey, offer: Offer) -> Facts:
        """What the response depends on."""
        asks, shown, begun = response.asks, response.shown, response.begun
        return Facts(
            obstacle=await self.obstacle(key) if shown else None,
            ids=await self._inbox.reserve_generation_ids(begun) if begun else (),
            standings=await self._standings(shown, offer) if shown else Standings(),
            places=await self._approvers.places(asks) if asks is not None else {},
            ahead=await self._ahead(asks, offer) if asks is not None else 0,
        )

    async def obstacle(self, key: ConversationKey) -> Obstacle | None:
        """What would keep the clip from being delivered here; what cannot be found out now does not stand in the way,
        because a clip that cannot be delivered is kept and not charged."""
        try:
            return await self._platforms[key.platform].obstacle(key)
        except ReelbotError as error:
            log.warning("obstacle.unknown", extra={"platform": key.platform, "error": type(error).__name__})
            return None

    async def _standings(self, shown: Sequence[Generation], offer: Offer) -> Standings:
        """What counts against the limits of money for the cards that are shown."""
        now = self._clock.now()
        caps = {cap for one in shown for cap in caps_of(one, offer.terms.limits, now) if not cap.counts_orders}
        if not caps:
            return Standings()
        listed = tuple(caps)
        return Standings(used=dict(zip(listed, await self._generations.standing(listed), strict=True)))

    async def _ahead(self, asks: Generation, offer: Offer) -> int:
        """How many other orders of its requester wait for an approval, wait or are under way; 0 where no limit counts
        them."""
        most, person = offer.terms.limits.orders_per_person, asks.requester.id
        if most is None:
            return 0
        (ordered,) = await self._generations.standing((Cap(budget=Budget.PERSON, subject=person, most=most),))
        waiting = await self._generations.with_status(GenerationStatus.PENDING_APPROVAL)
        return ordered + sum(one.requester.id == person for one in waiting)

    async def _left(self, conversation: Conversation) -> tuple[Conversation, ...]:
        """The conversation that a new one takes the place of: only one is current."""
        current = await self._inbox.current(conversation.key, conversation.owner_id)
        scene = await self._inbox.scene(current) if current else None
        return (replace(scene.conversation, current=False),) if scene is not None else ()

    async def _save(
        self,
        response: Response,
        scene: Scene,
        waiting: tuple[Waiting, ...],
        reading: Reading | None,
        switched_to: Conversation | None,
    ) -> None:
        now = self._clock.now()
        incoming = waiting[0].incoming
        said = [one.incoming.text for one in waiting if isinstance(one.incoming, Message)]
        text = "\n".join(said)
        posts = tuple(outgoing.post for outgoing in response.posts)
        wished = [generation.requester.id for generation in response.scene.generations[:1]]
        speaker = "person" if not wished or incoming.sender.id in wished else "other"
        conversation = remembered(response.conversation, speaker=speaker, text=text, posts=posts, now=now)
        conversation = replace(
            conversation,
            title=conversation.title or (titled(text) if response.begun else ""),
            language=(reading.language if reading else "") or conversation.language,
        )
        left = await self._left(conversation) if opens_another(incoming) else ()
        conversations = [*left, conversation]
        if switched_to is not None and switched_to.id != conversation.id:
            conversations.append(replace(switched_to, current=True, updated_at=now))
        turn = Turn(
            conversation_id=conversation.id,
            received_at=waiting[0].received_at,
            at=now,
            person_id=incoming.sender.id,
            text=incoming.action if isinstance(incoming, Press) else text[:MAX_TEXT],
            moves=tuple(response.moves),
        )
        await self._inbox.commit(
            Changes(
                done=tuple(one.row for one in waiting),
                conversations=tuple(conversations),
                generations=response.changed,
                turns=(turn,),
                entries=tuple(response.entries),
                caps=tuple(response.caps),
                house=tuple(response.house),
                posts=tuple(response.posts),
                uses=reading.uses if reading else (),
                conversation_id=conversation.id,
                person_id=incoming.sender.id,
                at=now,
            )
        )
