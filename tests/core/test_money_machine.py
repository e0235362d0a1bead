"""Money is safe: random interleavings of what people do, what services answer, crashes and time, with the core as it is
over real SQLite rows, and what must hold after each step and at the end.

    REELBOT_MONEY_EXAMPLES=2000 python -m pytest tests/core/test_money_machine.py

tries so many runs, other ones each time, and longer ones (REELBOT_MONEY_STEPS; 60 unless it says otherwise).
"""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core import texts
from core.actions import parse_action
from core.approval import ApprovalRules
from core.catalogue import Catalogue
from core.generation import FINAL, RUNNING, Generation
from core.generation import GenerationStatus as S
from core.limits import Limits
from core.messages import ConversationKey, Person
from core.money import dollars
from core.planning import Terms
from tests.core.money_ports import Offered
from tests.core.money_world import ANN, BOB, CATALOGUE, CHANGING, EVE, PEOPLE, ROOM, World, alone

EXAMPLES = int(os.environ.get("REELBOT_MONEY_EXAMPLES", "0"))
STEPS = int(os.environ.get("REELBOT_MONEY_STEPS", "60" if EXAMPLES else "20"))

WISHES = (
    "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds",
    "a blue hen on a farm at night, cinematic, 8 seconds",
    "a paper boat in the rain, watercolour, golden evening light, 5 seconds, draft quality",
    "make me a video of a fox",
)
WORDS = ("8 seconds", "4 seconds", "upright", "best quality", "draft quality", "at night", "no sound", "cancel", "yes",
         "yes", "status", "longer, and at night")  # fmt: skip
FORMS: tuple[Mapping[str, str], ...] = (
    {"duration_s": "4"}, {"duration_s": "12"}, {"tier": "best"}, {"resolution": "360p"}, {"idea": "a green frog"},
)  # fmt: skip
DECISIONS = ("again", "drop", "cancel", "stop", "wait", "post", "retry", "take", "erase")
ANSWERS = ("approve", "deny", "withdraw", "remind")
VERDICTS = ("own", "pass", "reject", "cancel", "late", "again", "crash")
"""What may happen to a clip that is looked at before it is posted; "own": its person lets it pass."""


@dataclass(frozen=True)
class Fate:
    """What the services answer next; what is empty goes well."""

    orders: tuple[str, ...] = ()
    polls: tuple[str, ...] = ()
    fetches: tuple[str, ...] = ()
    cancels: tuple[str, ...] = ()
    delivers: tuple[str, ...] = ()
    posts: tuple[str, ...] = ()
    direct: bool = True
    """Whether people can be reached alone."""


FATES = (
    *(Fate(orders=orders) for orders in itertools.permutations(("lost", "lost before", "taken"))),
    *(Fate(orders=(first, *rest)) for first in ("not sent", "later") for rest in ((), ("lost",), ("refused",))),
    *(Fate(orders=(first,), posts=("temporary",)) for first in ("unsafe", "refused")),
    *(Fate(polls=("running", "temporary", last), cancels=("goes on",)) for last in ("failed", "unsafe", "permanent")),
    *(Fate(fetches=(flaw,), cancels=("temporary",)) for flaw in ("short", "silent", "black", "cut off", "permanent")),
    *(Fate(delivers=("refused",) * times, direct=direct) for times in (1, 2, 3) for direct in (True, False)),
    *(Fate(delivers=outcomes) for outcomes in itertools.permutations(("refused", "temporary", "unanswered"))),
)
fates = st.just(Fate()) | st.sampled_from(FATES)
LIMITS = (
    Limits(),
    Limits(person_day=700_000),
    Limits(everyone_day=1_000_000, orders_per_person=2),
    Limits(channel_month=900_000, orders=3),
    Limits(team_month=800_000, orders_per_channel=2),
)
RULES = (
    ApprovalRules(),
    ApprovalRules(above=250_000, approvers=(BOB.id, EVE.id), expires_s=3600.0),
    ApprovalRules(above=0, over_limit=True, approvers=(ANN.id, BOB.id), expires_s=90_000.0),
    ApprovalRules(review=True, approvers=(BOB.id, EVE.id), expires_s=3600.0),
    ApprovalRules(review=True, approvers=(ANN.id,), expires_s=3600.0),
    ApprovalRules(review=True, above=250_000, over_limit=True, approvers=(ANN.id, BOB.id), expires_s=7200.0),
)
AFTER = (0.0, 1.0, 30.0, 100.0, 700.0, 3700.0, 90_000.0)
turns = st.none() | st.integers(0, 50)
"""How far things go on before the next step: to their end, or so many turns of the loop."""
picks = st.integers(0, 200)
people = st.sampled_from(PEOPLE)
forms = st.sampled_from(FORMS)


class Money(RuleBasedStateMachine):
    """People, services and accidents."""

    world: World

    @initialize(
        limits=st.sampled_from(LIMITS),
        rules=st.sampled_from(RULES),
        catalogue=st.sampled_from((CATALOGUE, CHANGING)),
        seed=st.integers(0, 1000),
        tells=st.sampled_from(["unknown", "truth"]),
    )
    def begins(self, limits: Limits, rules: ApprovalRules, catalogue: Catalogue, seed: int, tells: str) -> None:
        self.world = World(seed=seed)
        self.world.studio.tells = tells
        self.world.wire(terms=Terms(limits=limits, approval=rules), catalogue=catalogue)
        self.tapped: dict[int, set[str]] = defaultdict(set)
        """The prices on the buttons that the right person tapped to order, by generation."""
        self.agains: dict[int, set[str]] = defaultdict(set)
        """The "order again" buttons that the right person tapped."""
        self.posted: set[int] = set()
        """Generations whose "try again here" was tapped."""
        self.agreed: dict[int, set[str]] = defaultdict(set)
        """Who tapped "approve", by generation."""
        self.passed: dict[int, set[str]] = defaultdict(set)
        """Who tapped "post it" under a clip to look at, by generation."""
        self.stops: set[int] = set()
        """Generations whose "stop it" was tapped, knowing what it may cost."""
        self.settled: set[int] = set()
        """Generations that an admin dropped."""

    # --- steps

    @rule(person=people, room=st.booleans(), text=st.sampled_from(WISHES), turns=turns, command=st.booleans())
    def wishes(self, person: Person, room: bool, text: str, turns: int | None, command: bool) -> None:
        key = ROOM if room else alone(person)
        self.world.say(person, text, key=key, command="video" if command else "")
        self.world.go(turns)

    @rule(person=people, room=st.booleans(), text=st.sampled_from(WORDS), turns=turns)
    def says(self, person: Person, room: bool, text: str, turns: int | None) -> None:
        if text == "yes":
            for one in self.world.buttons("make"):
                if one.live():
                    self._tapped(person, one)
        self.world.say(person, text, key=ROOM if room else alone(person))
        self.world.go(turns)

    @rule(people=st.lists(people, min_size=1, max_size=3), text=st.sampled_from(WISHES[:3]), fate=fates,
          form=st.none() | forms, pick=st.integers(0, 3), turns=turns, dies=st.none() | st.integers(0, 60),
          agreed=st.booleans(), room=st.booleans())  # fmt: skip
    def orders(
        self,
        people: list[Person],
        text: str,
        fate: Fate,
        form: Mapping[str, str] | None,
        pick: int,
        turns: int | None,
        dies: int | None,
        agreed: bool,
        room: bool,
    ) -> None:
        """Wishes, maybe changed, and the taps on their cards, newer ones or older ones, maybe `agreed` to by an
        approver; then what becomes of them."""
        self._fated(fate)
        for person in people:
            self.world.say(person, text, key=ROOM if room else alone(person), command="video")
            self.world.go()
            if form is not None:
                self._taps(None, ("change",), 0, 1, form)
                self.world.go(turns)
            self._taps(None, ("make", "draft"), pick, 1)
            self.world.go(turns)
            if agreed:
                self._taps(None, ("approve",), 0, 1)
                self.world.go(turns)
        if dies is not None:
            self.world.go(dies)
            self.world.crash()
            self.world.start()

    @rule(person=people, answer=st.sampled_from(("lost", "lost before")), turns=turns,
          decision=st.sampled_from(("again", "drop", "settle", "again and settle")))  # fmt: skip
    def loses_an_order(self, person: Person, answer: str, turns: int | None, decision: str) -> None:
        """The answer to an order never comes, and somebody decides what is to become of it, or two do at once."""
        self._fated(Fate(orders=(answer,)))
        self._ordered(person)
        for verb in ("again", "drop"):
            if verb in decision:
                self._taps(None, (verb,), 0, 2)
        if "settle" in decision:
            self._settles(0)
        self.world.go(turns)

    @rule(person=people, polls=st.sampled_from((1, 3)), turns=turns, sure=st.booleans(),
          cancels=st.sampled_from(((), ("goes on",), ("temporary", "goes on"), ("temporary",) * 9)))  # fmt: skip
    def changes_their_mind(
        self, person: Person, polls: int, turns: int | None, sure: bool, cancels: tuple[str, ...]
    ) -> None:
        """A clip is cancelled while it is made; what that may cost is asked first, if it may cost something."""
        self._fated(Fate(polls=("running",) * polls, cancels=cancels))
        self._ordered(person)
        self._taps(None, ("cancel",), 0, 1)
        self.world.go(turns)
        if sure:
            self._taps(None, ("stop",), 0, 2)
        self.world.go(turns)

    def _ordered(self, person: Person, key: ConversationKey | None = None) -> None:
        """The person's wish becomes an order, as far as it may."""
        self.world.say(person, WISHES[0], key=key, command="video")
        self.world.go()
        for verb in ("make", "approve"):
            self._taps(None, (verb,), 0, 1)
            self.world.go()

    @precondition(lambda self: self.world.buttons(*DECISIONS))
    @rule(seconds=st.sampled_from(AFTER[1:5]), pick=st.integers(0, 3), times=st.integers(1, 2), turns=turns)
    def decides(self, seconds: float, pick: int, times: int, turns: int | None) -> None:
        """What can be chosen now is, mostly."""
        self.world.passes(seconds)
        self.world.sweep()
        offered = [one for one in self.world.buttons(*DECISIONS) if one.live()]
        self._taps_one(None, offered[-1 - pick % len(offered)] if offered else None, times)
        self.world.go(turns)

    @precondition(lambda self: self.world.buttons(*ANSWERS))
    @rule(verb=st.sampled_from(ANSWERS), pick=st.integers(0, 5), other=st.none() | people, times=st.integers(1, 2),
          both=st.booleans(), turns=turns)  # fmt: skip
    def answers_a_request(
        self, verb: str, pick: int, other: Person | None, times: int, both: bool, turns: int | None
    ) -> None:
        """An approver decides, or `both` do at once; or the requester does not want it any more, or asks again."""
        self._taps(other, (verb,), pick, times)
        if both:
            self._taps(None, ("approve",), pick + 1, 1)
        self.world.go(turns)

    @precondition(lambda self: self.world.terms.approval.review)
    @rule(person=people, fate=st.just(Fate()) | st.sampled_from([one for one in FATES if one.delivers]),
          early=turns, verdicts=st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=4), together=st.booleans(),
          turns=turns)  # fmt: skip
    def is_looked_at(
        self,
        person: Person,
        fate: Fate,
        early: int | None,
        verdicts: list[str],
        together: bool,
        turns: int | None,
    ) -> None:
        """A clip is made where others read along, and brought to those who look at it, or is on its way to them. Then
        things happen to it, one after the other or all `together`: it is let pass or not, or its own person tries to;
        its person cancels; nobody answers in time; they are asked again; the program dies."""
        self._fated(fate)
        self._ordered(person, ROOM)
        self.world.passes(100)
        self.world.sweep()
        self.world.go(early)
        for what in verdicts:
            if what == "crash":
                self.world.crash()
                self.world.start()
            elif what == "late":
                self.world.passes(self.world.terms.approval.expires_s)
                self.world.sweep()
            elif what == "cancel":
                self.world.say(person, "cancel", key=ROOM)
                self._taps(None, ("cancel",), 0, 1)
            elif what == "own":
                self._taps(person, ("pass",), 0, 1)
            else:
                self._taps(None, ("post" if what == "again" else what,), 0, 1)
            if not together:
                self.world.go()
        self.world.go(turns)

    @precondition(lambda self: self.world.buttons("pass"))
    @rule(verb=st.sampled_from(("pass", "reject")), pick=st.integers(0, 5), other=st.none() | people,
          times=st.integers(1, 2), both=st.booleans(), turns=turns)  # fmt: skip
    def somebody_decides_about_a_clip(
        self, verb: str, pick: int, other: Person | None, times: int, both: bool, turns: int | None
    ) -> None:
        """One of those who look at it, or `both` at once; or somebody who may not."""
        self._taps(other, (verb,), pick, times)
        if both:
            self._taps(None, ("pass",), pick + 1, 1)
        self.world.go(turns)

    @precondition(lambda self: self.world.buttons("drop"))
    @rule(pick=st.integers(0, 2), turns=turns)
    def an_admin_settles(self, pick: int, turns: int | None) -> None:
        self._settles(pick)
        self.world.go(turns)

    def _settles(self, pick: int) -> None:
        waiting = [row.id for row in self.world.generations().values() if row.status is S.AMBIGUOUS]
        number = waiting[-1 - pick % len(waiting)] if waiting else 1
        if self.world.settle(number):
            self.settled.add(number)

    @precondition(lambda self: self.world.buttons("make"))
    @rule(pick=picks, other=st.none() | people, times=st.integers(1, 3), turns=turns)
    def taps_a_card(self, pick: int, other: Person | None, times: int, turns: int | None) -> None:
        self._taps(other, ("make", "draft"), pick, times)
        self.world.go(turns)

    @precondition(lambda self: self.world.chat.offered)
    @rule(pick=picks, other=st.none() | people, turns=turns)
    def taps_anything(self, pick: int, other: Person | None, turns: int | None) -> None:
        verbs = sorted({one.button.action.partition(":")[0] for one in self.world.chat.offered})
        self._taps(other, (verbs[pick % len(verbs)],), pick // len(verbs), 1)
        self.world.go(turns)

    @precondition(lambda self: self.world.buttons("change", "alter"))
    @rule(pick=picks, values=forms, turns=turns)
    def fills_in_a_form(self, pick: int, values: Mapping[str, str], turns: int | None) -> None:
        self._taps(None, ("change", "alter"), pick, 1, values)
        self.world.go(turns)

    @rule(seconds=st.sampled_from(AFTER), before=st.none() | st.sampled_from((2000.0, 60.0, 1.0, 0.0)),
          sweeps=st.booleans())  # fmt: skip
    def time_passes(self, seconds: float, before: float | None, sweeps: bool) -> None:
        """So many seconds, or until so many `before` midnight, when prices change."""
        if before is None:
            self.world.passes(seconds)
        else:
            self.world.wait_for_midnight(before)
        if sweeps:
            self.world.sweep()

    @rule(fate=fates, tells=st.sampled_from(["unknown", "truth", "pending"]))
    def it_will_go(self, fate: Fate, tells: str) -> None:
        self._fated(fate)
        self.world.studio.tells = tells

    def _fated(self, fate: Fate) -> None:
        studio, chat = self.world.studio, self.world.chat
        studio.on_order, studio.on_poll = [*fate.orders], [*fate.polls]
        studio.on_fetch, studio.on_cancel = [*fate.fetches], [*fate.cancels]
        chat.on_deliver, chat.on_post, chat.has_direct = [*fate.delivers], [*fate.posts], fate.direct

    @rule(clean=st.booleans(), down=st.sampled_from(AFTER))
    def stops_and_starts(self, clean: bool, down: float) -> None:
        if clean:
            self.world.run(self.world.product.stop(5.0))
        self.world.crash()
        self.world.clock.advance(down)
        self.world.start()

    # --- what is tapped

    def _taps(
        self,
        other: Person | None,
        verbs: tuple[str, ...],
        pick: int,
        times: int,
        values: Mapping[str, str] | None = None,
    ) -> None:
        offered = self.world.buttons(*verbs)
        # Small picks are the newest, so that failing runs shrink to the plain case.
        self._taps_one(other, offered[-1 - pick % len(offered)] if offered else None, times, values)

    def _taps_one(
        self, other: Person | None, chosen: Offered | None, times: int, values: Mapping[str, str] | None = None
    ) -> None:
        if chosen is None:
            return
        person = other or self._meant(chosen)
        self._tapped(person, chosen)
        self.world.tap(person, chosen, values, times)

    def _owner(self, offered: Offered) -> Person:
        rows = self.world.generations()
        row = rows.get(_subject(offered))
        return row.requester if row is not None else ANN

    def _meant(self, offered: Offered) -> Person:
        """Who is asked by the button."""
        asked = [person for person in PEOPLE if offered.place.chat == f"direct {person.id}"]
        return asked[0] if asked else self._owner(offered)

    def _tapped(self, person: Person, offered: Offered) -> None:
        number, verb = _subject(offered), offered.button.action.partition(":")[0]
        if verb == "approve":
            self.agreed[number].add(person.id)
        elif verb == "pass":
            self.passed[number].add(person.id)
        if person != self._owner(offered):
            return
        if verb in ("make", "draft"):
            self.tapped[number].add(offered.button.label.rpartition(" · ")[2])
        elif verb == "again":
            self.agains[number].add(offered.button.action)
        elif verb == "post":
            self.posted.add(number)
        elif verb == "stop":
            self.stops.add(number)

    # --- what holds

    @invariant()
    def money_is_safe(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.check()
        rows, holds = self.world.generations(), self.world.entries("hold")
        for hold in holds:
            row = rows[hold.generation_id]
            assert dollars(hold.amount) in self.tapped[row.id], "held without a tap on that price"
            if row.approval is not None or self.world.terms.approval.needed(row, hold.amount):
                others = set(self.world.terms.approval.approvers) - {row.requester.id}
                assert self.agreed[row.id] & others, f"nobody who may approve {row.name} did"
        held = {hold.generation_id for hold in holds}
        for number, orders in self.world.studio.uncleared().items():
            assert number in held
            assert orders <= 1 + len(self.agains[number]), f"v{number} was ordered {orders} times"
        assert self.world.studio.told_to_stop <= self.stops, "stopped by somebody who was not told what it may cost"
        self._check_reviews(rows)

    def _check_reviews(self, rows: Mapping[int, Generation]) -> None:
        """Nobody sees a clip that has to be let pass before somebody else who may has done so; those who may see it
        once each time that they are asked."""
        rules, chat = self.world.terms.approval, self.world.chat
        for number, posted in chat.delivered().items():
            row = rows[number]
            others = set(rules.approvers) - {row.requester.id}
            if rules.review and row.key == ROOM:
                assert row.review is not None, f"{row.name} was to be looked at"
                assert self.passed[number] & others, f"{row.name} was posted, and nobody who may let it pass did"
            assert row.review is None or not row.withheld, f"{row.name} is not to be seen, and stands in {posted}"
        for number, shown in chat.looked_at().items():
            row = rows[number]
            places = {f"direct {person}" for person in set(rules.approvers) - {row.requester.id}}
            assert set(shown) <= places, f"{row.name} was shown to somebody who is not to look at it"
            asked_again = number in self.posted
            assert asked_again or max(shown.values()) == 1, f"{row.name} was shown twice to the same person"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self._settle()
            self.money_is_safe()
            self._all_is_well()
        finally:
            self.world.close()

    def _settle(self) -> None:
        """Everything goes well from now on, until nothing is left to do."""
        world = self.world
        studio, chat = world.studio, world.chat
        studio.on_order, studio.on_poll, studio.on_fetch, studio.on_cancel = [], [], [], []
        chat.on_post, chat.on_deliver = [], []
        world.go()
        self._until(lambda: not any(_works(row) for row in world.generations().values()))
        for row in world.generations().values():
            if row.status is S.AMBIGUOUS:
                drops = [one for one in world.buttons("drop") if _subject(one) == row.id and one.live()]
                assert drops, f"{row.name} waits for a choice that nobody was given"
                self.world.tap(row.requester, drops[-1])
                world.go()
        self._until(lambda: not world.unsaid())
        rules = world.terms.approval
        world.passes(7300 + (rules.expires_s if rules.approvers else 0))
        world.sweep()
        self._until(lambda: not world.unsaid())

    def _until(self, done: Callable[[], bool]) -> None:
        for _ in range(80):
            if done():
                return
            self.world.passes(30)
            self.world.sweep()
            self.world.go()
        rows = [f"{row.name} {row.status}" for row in self.world.generations().values()]
        raise AssertionError(f"it never settles: {rows}, {self.world.unsaid()} unsaid")

    def _all_is_well(self) -> None:
        world = self.world
        rows = world.generations()
        assert {row.status for row in rows.values()} <= FINAL
        ended = {entry.generation_id: entry for entry in world.entries("capture", "release")}
        assert set(ended) == {hold.generation_id for hold in world.entries("hold")}, "every hold has ended"
        delivered = world.chat.delivered()
        captured = {number for number, entry in ended.items() if entry.kind == "capture"}
        free = {number for number in delivered if ended[number].reason == "undeliverable"}
        assert captured == set(delivered) - free
        assert free <= self.posted, "what was released came without a tap"
        assert max((len(messages) for messages in delivered.values()), default=0) <= 1, "a clip stands there twice"
        said = "\n".join(world.chat.said)
        for row in rows.values():
            if S.QUEUED.value in row.entered:
                assert self._told(row) in said, f"nobody was told that {row.name} is {row.status}"

    def _told(self, row: Generation) -> str:
        """What its person must have read."""
        if row.status is S.COMPLETED:
            return f"{row.name} ·"
        if row.review is not None and row.withheld and row.clip is not None:
            return texts.approvals.review_refused(row)
        if row.status is S.UNDELIVERABLE:
            return f"Your clip {row.name} is ready, but I could not post it"
        cancelled = texts.endings.settled if row.id in self.settled else texts.endings.cancelled
        ended = {S.FAILED: texts.endings.failed, S.REFUSED: texts.endings.refused, S.CANCELLED: cancelled}
        return ended[row.status](row)


def _works(row: Generation) -> bool:
    if row.with_reviewers:
        return False
    return row.status in RUNNING or row.on_its_way_elsewhere or (row.status is S.AMBIGUOUS and row.due_at is not None)


def _subject(offered: Offered) -> int:
    action = parse_action(offered.button.action)
    assert action is not None
    return action.generation_id or 0


TestMoney = pytest.mark.timeout(0 if EXAMPLES else 480)(Money.TestCase)  # some 40 s of one core
TestMoney.settings = settings(
    max_examples=EXAMPLES or 20,
    stateful_step_count=STEPS,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
