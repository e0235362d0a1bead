"""What one turn answers: collected step by step on a working copy of the scene, and saved at once.

The methods are the things that can happen in a turn (begin, amend, queue, cancel, say ...). Which of them a message or
a press calls for is decided in `core.steps` and `core.presses`; how things are worded, in `core.texts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core import texts
from core.actions import action
from core.approval import ended_posts, withdrawn
from core.booking import booked, house_cost
from core.cards import (
    answered_question,
    card_post,
    closed_card,
    ended_status,
    expired_card,
    question_post,
    status_post,
)
from core.catalogue import VideoModel
from core.conversation import Conversation
from core.generation import FINAL, OPEN, RUNNING, Generation, GenerationStatus, Plan, Question, QuestionOption, Said
from core.limits import Cap, OverLimit, Standings
from core.messages import Button, ConversationKey, Person, Post, Rows
from core.money import EntryKind, HouseCost, LedgerEntry
from core.planning import CostShown, Terms
from core.policy import Ask, Show, next_move, question_open
from core.ports import Obstacle
from core.repositories import OutboxPost, Scene
from core.request import VideoRequest

_BEFORE_ORDER = frozenset(status.value for status in OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What can be had right now, on which terms."""

    models: tuple[VideoModel, ...]
    """On offer, the preferred provider's first."""
    terms: Terms
    approvers: tuple[str, ...] = ()
    """Ids of the people who may decide about what others order."""
    link: Callable[[str], str] = lambda name: ""
    """A link to a kept file that works for a while, or "" where nothing can be reached from outside."""
    link_until: str = ""
    """The day until which such a link works, for people."""


class Response:
    """The answer to one turn while it is being put together."""

    def __init__(
        self,
        scene: Scene,
        *,
        person: Person,
        source_id: str,
        reply_to: str,
        offer: Offer,
        ids: Iterator[int],
        now: datetime,
        obstacle: Obstacle | None = None,
        whisper: bool = False,
        standings: Standings | None = None,
        over: OverLimit | None = None,
        places: Mapping[str, ConversationKey] | None = None,
        ahead: int = 0,
        private: bool = True,
    ) -> None:
        self.conversation: Conversation = scene.conversation
        self.person = person
        self.source_id = source_id
        """The message that was written, or that carries the button."""
        self.reply_to = reply_to
        """The message our sentences reply to; empty where nobody else could be meant."""
        self.offer = offer
        self.now = now
        self.entries: list[LedgerEntry] = []
        self.house: list[HouseCost] = []
        """What providers may bill though nobody is charged."""
        self.caps: list[Cap] = []
        """What the holds among the entries must stay within."""
        self.posts: list[OutboxPost] = []
        self.started: list[int] = []
        """Generations that were ordered, or that have something to do again."""
        self.woken: list[int] = []
        """Generations under way that have to look at their row."""
        self.begun = 0
        """How many generations were begun."""
        self.moves: list[str] = []
        """What was done, for the record of the turn."""
        self.erased: list[str] = []
        """Names of files that are to be forgotten."""
        self.shown: list[Generation] = []
        """Those whose card is shown, so that the place must be able to take a clip."""
        self._obstacle = obstacle
        self._whisper = whisper
        self._standings = standings or Standings()
        self.over = over
        """The limit that the order in this turn was found to go over."""
        self._private = private
        self.places: Mapping[str, ConversationKey] = places or {}
        """Where each of those who may decide about it can be asked, by person."""
        self.asks: Generation | None = None
        """What somebody else has to agree to, so that it has to be looked up where they can be asked."""
        self.ahead = ahead
        """How many other orders of its requester wait for an approval, wait or are under way; 0 where no limit counts
        them."""
        self._ids = ids
        self._rows = {generation.id: generation for generation in scene.generations}
        self._changed: dict[int, Generation] = {}
        self._touched: dict[int, None] = {}

    # --- looking ---------------------------------------------------------------------------------------------------

    def __getitem__(self, generation_id: int) -> Generation:
        return self._rows[generation_id]

    def get(self, generation_id: int | None) -> Generation | None:
        """The generation, if it belongs to this conversation."""
        return self._rows.get(generation_id) if generation_id is not None else None

    def _newest(self, statuses: frozenset[GenerationStatus]) -> tuple[Generation, ...]:
        found = [generation for generation in self._rows.values() if generation.status in statuses]
        return tuple(sorted(found, key=lambda generation: -generation.id))

    @property
    def open(self) -> tuple[Generation, ...]:
        """Requests being shaped, newest first."""
        return self._newest(OPEN)

    @property
    def cards(self) -> tuple[Generation, ...]:
        """Requests on a card that waits for the tap, newest first."""
        return self._newest(frozenset({GenerationStatus.PENDING_CONFIRMATION}))

    @property
    def running(self) -> tuple[Generation, ...]:
        """Generations between the tap and the end, newest first."""
        return self._newest(RUNNING)

    @property
    def finished(self) -> tuple[Generation, ...]:
        """Generations that ended after they were ordered, newest first."""
        return tuple(g for g in self._newest(FINAL) if GenerationStatus.QUEUED.value in g.entered)

    @property
    def ambiguous(self) -> tuple[Generation, ...]:
        """Generations whose order was never answered, newest first."""
        return self._newest(frozenset({GenerationStatus.AMBIGUOUS}))

    @property
    def awaiting_approval(self) -> tuple[Generation, ...]:
        """Requests that somebody else has to agree to, newest first."""
        return self._newest(frozenset({GenerationStatus.PENDING_APPROVAL}))

    @property
    def asking(self) -> Generation | None:
        """The request whose question waits for an answer, if there is one: the person's own before another's."""
        return self.asking_me or next(iter(self._asking), None)

    @property
    def asking_me(self) -> Generation | None:
        """The request of this person whose question waits for an answer."""
        return next((generation for generation in self._asking if generation.requester.id == self.person.id), None)

    @property
    def _asking(self) -> tuple[Generation, ...]:
        return tuple(g for g in self.open if question_open(g.question, self.offer.terms, self.now))

    @property
    def last_said(self) -> str:
        """What the bot said last in this conversation, or empty."""
        return next((line.text for line in reversed(self.conversation.history) if line.speaker == "bot"), "")

    def shows_costs(self, person: Person) -> bool:
        """Whether amounts can be shown to this person here: where others read along, only if all may see them."""
        terms = self.offer.terms
        return terms.cost_shown is CostShown.ALL or (self._private and terms.shows_costs(person))

    def reviewed(self, generation: Generation) -> bool:
        """Whether somebody looks at its clip before it is posted: only where others read along."""
        alone = self._private and generation.key.chat == self.conversation.key.chat
        return self.offer.terms.approval.review and not alone

    def may_decide(self, generation: Generation) -> bool:
        """Whether this person applies, confirms, cancels and deletes: the requester, or an admin."""
        return self.person.id == generation.requester.id or self.person.id in self.offer.terms.admins

    @property
    def scene(self) -> Scene:
        """The scene as it is after what was done so far."""
        newest_first = sorted(self._rows.values(), key=lambda generation: -generation.id)
        return Scene(conversation=self.conversation, generations=tuple(newest_first))

    @property
    def changed(self) -> tuple[Generation, ...]:
        """Every generation that is not as it was."""
        return tuple(self._changed.values())

    # --- saying ----------------------------------------------------------------------------------------------------

    def say(
        self,
        text: str,
        buttons: Rows = (),
        *,
        about: int | None = None,
        person: Person | None = None,
        whisper: bool = False,
    ) -> None:
        """A sentence of its own, to the one who wrote unless it is for another `person`; with `whisper` nobody else
        sees it where the platform can do that."""
        self.moves.append("say")
        post = Post(key=self.conversation.key, text=text, buttons=buttons, reply_to=self.reply_to, person=person)
        self.post(replace(post, whisper=whisper or self._whisper), about)

    def point_elsewhere(self) -> None:
        """Say where something goes on when all that was done is seen in another thread only."""
        here = self.conversation.key
        touched = [generation for generation in self._changed.values() if generation.key != here]
        begun = any(generation.key == here for generation in self._changed.values())
        if touched and not begun and not any(outgoing.post.key == here for outgoing in self.posts):
            self.say(texts.clips.GOES_ON_THERE.format(id=touched[-1].name), about=touched[-1].id)

    def post(self, post: Post, about: int | None) -> None:
        """Say something in the post's own place, about one generation or none."""
        post = replace(post, person=post.person or self.person)
        elsewhere = about is not None and about in self._rows and post.key != self.conversation.key
        belongs = self._rows[about].conversation_id if elsewhere and about is not None else ""
        self.posts.append(OutboxPost(post=post, generation_id=about, conversation_id=belongs))

    # --- changing --------------------------------------------------------------------------------------------------

    def save(self, generation: Generation) -> Generation:
        """Take this as the generation's new state."""
        before = self._rows.get(generation.id)
        if before is None or before.status is not generation.status:
            self.moves.append(f"{generation.name} {generation.status}")
        self._rows[generation.id] = generation
        self._changed[generation.id] = generation
        return generation

    def begin(
        self,
        changes: Mapping[str, Any],
        *,
        message_id: str,
        heard: tuple[tuple[str, str], ...] = (),
        base: VideoRequest | None = None,
        parent: Generation | None = None,
        summary: str = "",
        hurry: bool = False,
        language: str = "",
    ) -> Generation:
        """A new request; its question or card follows when the turn ends."""
        self.begun += 1
        generation = Generation(
            id=next(self._ids),
            conversation_id=self.conversation.id,
            key=self.conversation.key,
            requester=self.person,
            reply_to=message_id,
            status=GenerationStatus.PENDING_CLARIFICATION,
            created_at=self.now,
            updated_at=self.now,
            base=base or VideoRequest(),
            said=(Said(message_id=message_id, changes=dict(changes), heard=heard),) if changes else (),
            parent=parent.id if parent else None,
            language=language or (parent.language if parent else ""),
            summary=summary or (parent.summary if parent else ""),
            hurry=hurry or parent is not None,
            entered={GenerationStatus.PENDING_CLARIFICATION.value: self.now},
        )
        self._touched[generation.id] = None
        return self.save(generation)

    def amend(
        self,
        generation: Generation,
        changes: Mapping[str, Any],
        *,
        message_id: str = "",
        heard: tuple[tuple[str, str], ...] = (),
        hurry: bool = False,
        base: VideoRequest | None = None,
        summary: str = "",
    ) -> Generation:
        """Add what was said to an open request; closes the question that stood open."""
        question = generation.question
        if question is not None and changes and question.slot not in (*changes, "idea", "change"):
            # They chose to speak of something else: the question is not put again.
            changes = {**changes, question.slot: None}
        self.close_question(generation, changes)
        added = Said(message_id=message_id, changes=dict(changes), heard=heard)
        said = (*generation.said, added) if changes else generation.said
        self._touched[generation.id] = None
        # An old summary would hide on the card what the idea has become.
        kept = "" if "idea" in changes or "subject" in changes else generation.summary
        return self.save(
            replace(
                generation,
                said=said,
                base=base or generation.base,
                hurry=generation.hurry or hurry,
                question=None,
                summary=summary or kept,
                prompt="",
                updated_at=self.now,
            )
        )

    def supersede(self, generation: Generation) -> None:
        """Let go of a request whose question nobody answered, because another wish came."""
        self.close_question(generation, {})
        self._touched.pop(generation.id, None)
        self.save(generation.moved(GenerationStatus.CANCELLED, self.now, question=None))

    def close_question(self, generation: Generation, changes: Mapping[str, Any]) -> None:
        """The question that stands open, if one does, loses its buttons and says what was answered."""
        if generation.question is not None:
            self.post(answered_question(generation, changes), generation.id)

    def ask(self, generation: Generation, slot: str, text: str, options: Sequence[QuestionOption]) -> None:
        """Ask about one slot, with a button for each option."""
        self.close_question(generation, {})
        number = generation.revision + 1
        question = Question(slot=slot, text=text, options=tuple(options), asked_at=self.now, number=number)
        lapses = self.now + timedelta(seconds=self.offer.terms.question_lapses_s)
        clarifying = generation.status is GenerationStatus.PENDING_CLARIFICATION
        due_at = lapses if clarifying else generation.due_at
        asked = self.save(replace(generation, question=question, due_at=due_at, updated_at=self.now))
        self.post(question_post(asked, self.reply_to), asked.id)

    def shape(self, wordings: Mapping[str, str]) -> None:
        """Ask about, or show the card of, every request that this turn touched."""
        for generation_id in self._touched:
            generation = self._rows[generation_id]
            if generation.status not in OPEN:
                continue
            asking = self.asking_me
            move = next_move(
                generation,
                self.offer.models,
                self.offer.terms,
                wordings=wordings,
                now=self.now,
                may_ask=asking is None or asking.id == generation_id,
            )
            if isinstance(move, Ask):
                asked = replace(generation, asked=generation.asked + 1)
                if generation.status is not GenerationStatus.PENDING_CLARIFICATION:
                    asked = asked.moved(GenerationStatus.PENDING_CLARIFICATION, self.now)
                self.ask(asked, move.slot, move.text, move.options)
            elif isinstance(move, Show):
                self.show(generation, move)
            else:
                self.save(generation.moved(GenerationStatus.CANCELLED, self.now, reason=move.text))
                self.say(move.text, about=generation_id)
        self._touched.clear()

    def show(self, generation: Generation, move: Show) -> None:
        """Show the card, or bring the one that stands up to date; not where the clip could not be delivered."""
        self.shown.append(generation)
        if self._obstacle is not None:
            self.save(generation.moved(GenerationStatus.CANCELLED, self.now, question=None))
            self.say(texts.places.OBSTACLES[self._obstacle], about=generation.id)
            return
        if move.changes:
            said = (*generation.said, Said(message_id="", changes=dict(move.changes)))
            generation = replace(generation, said=said)
        generation = self.save(
            generation.moved(
                GenerationStatus.PENDING_CONFIRMATION,
                self.now,
                plan=replace(move.plan, amounts_shown=self.shows_costs(generation.requester)),
                question=None,
                due_at=move.plan.quote.valid_until,
            )
        )
        self.entries.append(booked(generation, EntryKind.QUOTE, "shown", self.now))
        left = self._standings.tightest(generation, self.offer.terms.limits, self.now)
        card = card_post(
            generation, self.offer.terms, self.now, self.reply_to, left=left, reviewed=self.reviewed(generation)
        )
        self.post(card, generation.id)

    def expire(self, generation: Generation) -> None:
        """The card's price is no longer held; it says so and offers a new one."""
        if generation.status in OPEN:
            generation = self.save(generation.moved(GenerationStatus.EXPIRED, self.now, question=None, due_at=None))
        self.post(expired_card(generation), generation.id)

    def queue(self, generation: Generation, plan: Plan) -> Generation:
        """Hold the money, and put it into the queue."""
        generation = self.save(
            generation.moved(GenerationStatus.QUEUED, self.now, plan=plan, question=None, due_at=self.now)
        )
        self.entries.append(booked(generation, EntryKind.HOLD, "ordered", self.now))
        self.post(closed_card(generation, texts.cards.card_closed(generation)), generation.id)
        self._waiting_status(generation)
        self.started.append(generation.id)
        return generation

    def order_again(self, generation: Generation) -> None:
        """The person's own choice after the answer to an order was lost: into the queue under the same hold."""
        self.house.append(house_cost(generation, "unanswered", self.now))
        began = {status: at for status, at in generation.entered.items() if status in _BEFORE_ORDER}
        again = replace(
            generation,
            entered=began,
            retries=generation.retries + 1,
            cancel_requested=False,
            unstoppable=False,
            told_late=False,
        )
        self._waiting_status(self.save(again.moved(GenerationStatus.QUEUED, self.now, due_at=self.now, order=None)))
        self.started.append(generation.id)

    def cancel(self, generation: Generation) -> None:
        """Stop a generation, as far as it has got; what may cost something by then, after a tap that knows how much."""
        if generation.status in OPEN:
            self.close_question(generation, {})
            had_card = generation.plan is not None
            self.save(generation.moved(GenerationStatus.CANCELLED, self.now, question=None))
            if had_card:
                self.post(closed_card(generation, texts.cards.CANCELLED_CARD), generation.id)
            if not had_card or generation.key != self.conversation.key:
                self.say(texts.cards.CANCELLED_CARD, about=generation.id)
        elif generation.status is GenerationStatus.PENDING_APPROVAL:
            self.withdraw(generation)
        elif generation.status in (GenerationStatus.QUEUED, GenerationStatus.AMBIGUOUS):
            if generation.status is GenerationStatus.AMBIGUOUS:
                self.house.append(house_cost(generation, "unanswered", self.now))
            ended = self.save(generation.moved(GenerationStatus.CANCELLED, self.now, due_at=None))
            self.entries.append(booked(ended, EntryKind.RELEASE, "cancelled", self.now))
            self.post(ended_status(ended), ended.id)
            self.say(texts.endings.cancelled(ended), about=ended.id)
        elif generation.status in (GenerationStatus.SUBMITTING, GenerationStatus.PROCESSING):
            self._cancel_under_way(generation)
        else:
            self.say(texts.clips.over(generation), about=generation.id)

    def _cancel_under_way(self, generation: Generation) -> None:
        plan = generation.plan
        if generation.cancel_requested:
            self.say(texts.endings.CANCELLING.format(id=generation.name), about=generation.id)
        elif generation.unstoppable:
            self.say(texts.endings.cannot_stop(generation, for_good=True), about=generation.id)
        elif generation.sent is None or plan is None or not plan.quote.amount:
            self.stop(generation)
        else:
            buttons = (
                Button(label=texts.buttons.STOP_IT, action=action("stop", generation.id, generation.sent.attempt)),
                Button(label=texts.buttons.LET_IT_FINISH, action=action("wait", generation.id)),
            )
            question, again = (texts.endings.stop_question(generation, again=again) for again in (False, True))
            stands = self.last_said in (question, again)
            self.say(again if stands else question, (buttons,), about=generation.id)

    def stop(self, generation: Generation) -> None:
        """Have it stopped where it is: nothing is ordered any more, and the provider is asked to stop."""
        self.save(replace(generation, cancel_requested=True, updated_at=self.now))
        self.say(texts.endings.CANCELLING.format(id=generation.name), about=generation.id)
        self.woken.append(generation.id)

    def withdraw(self, generation: Generation) -> None:
        """The requester, or an admin, does not want any more what waits for an approval."""
        ended = self.save(withdrawn(generation, self.person, self.now))
        for post in ended_posts(ended, self.offer.terms.budget):
            self.post(post, ended.id)

    def deliver_again(self, generation: Generation) -> None:
        """Try once more to post a kept clip. Its hold was released, so it costs nothing any more."""
        entered = {**generation.entered, GenerationStatus.DELIVERING.value: self.now}
        begun = {} if generation.elsewhere else generation.delivery
        again = replace(generation, entered=entered, told_late=True, elsewhere=None, delivery=begun)
        generation = self.save(again.moved(GenerationStatus.DELIVERING, self.now, due_at=self.now))
        self.started.append(generation.id)

    def erase(self, generation: Generation) -> None:
        """Forget the files of a finished clip."""
        clip = generation.clip
        assert clip is not None
        self.erased += [name for name in (clip.name, clip.poster, clip.sent) if name]
        self.save(replace(generation, clip=None, updated_at=self.now))
        self.say(texts.clips.DELETED.format(id=generation.name), about=generation.id)

    def original(self, generation: Generation) -> None:
        """Where the provider's own bytes are to be had."""
        clip = generation.clip
        if clip is None:
            self.say(texts.clips.GONE.format(id=generation.name), about=generation.id)
            return
        if generation.withheld:
            self.say(texts.clips.WITHHELD.format(id=generation.name), about=generation.id)
            return
        size = texts.spelling.spell_size(clip.facts.size_bytes)
        link = self.offer.link(clip.name)
        if link:
            text = texts.clips.ORIGINAL_LINK.format(id=generation.name, size=size, until=self.offer.link_until)
            self.say(text, ((Button(label=texts.buttons.ORIGINAL_FILE, url=link),),), about=generation.id)
        elif clip.sent:
            self.say(texts.clips.ORIGINAL_KEPT.format(id=generation.name, size=size), about=generation.id)
        else:
            self.say(texts.clips.ORIGINAL_ABOVE.format(size=size), about=generation.id)

    def suggest(self, generation: Generation, changes: Mapping[str, Any], *, message_id: str, text: str) -> None:
        """Somebody else's idea: two buttons for the requester."""
        place = len(generation.suggestions)
        said = Said(message_id=message_id, changes=dict(changes))
        self.save(replace(generation, suggestions=(*generation.suggestions, said), updated_at=self.now))
        buttons = (
            Button(label=texts.buttons.USE_IT, action=action("use", generation.id, place)),
            Button(label=texts.buttons.KEEP_MINE, action=action("mine", generation.id, place)),
        )
        self.say(
            texts.talk.suggestion(self.person.name, text), (buttons,), about=generation.id, person=generation.requester
        )

    def _waiting_status(self, generation: Generation) -> None:
        text = texts.working.status(generation, now=self.now, position=0, waits_until=None)
        self.post(status_post(generation, text, reply_to=self.reply_to), generation.id)
