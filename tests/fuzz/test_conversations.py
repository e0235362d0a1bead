"""Whole conversations, made up: people, places, texts, taps on buttons of all ages and on none that there ever was,
repeats, reorderings and edits, over the real product and real SQLite rows.

Nobody who speaks to the bot is left without an answer, nothing goes wrong inside, the ledger holds, and nothing is
ordered without a tap or a plain yes of whoever asked for it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from core.actions import parse_action
from core.bounds import plain
from core.commands import known
from core.generation import GenerationStatus as S
from core.messages import Attachment, ConversationKey, Incoming, MediaKind, Message, Person, Press
from core.policy import is_plain_yes
from core.presses import _HANDLERS
from tests.core.money_ports import number_of
from tests.core.money_world import ANN, BOB, EVE, ROOM, World, alone
from tests.fuzz.volume import PATIENT, tries
from tests.fuzz.wording import RICH, VERBS, actions, commands, said, wishes

pytestmark = PATIENT

PEOPLE = (ANN, BOB, EVE)
GROUP = replace(ROOM, chat="group", thread="")
PLACES = (None, None, None, ROOM, GROUP)
"""None: with the bot alone."""
ORDERING = frozenset({"make", "draft", "again"})
QUIET = frozenset({"rate"})
"""Buttons whose second tap says nothing new."""

_people = st.sampled_from(PEOPLE)
_says = st.tuples(
    st.just("says"),
    _people,
    st.sampled_from(PLACES),
    wishes | said,
    commands,
    st.sampled_from([True, True, True, False]),
)
_taps = st.tuples(st.just("taps"), _people | st.none(), st.integers(0, 40))
_makes_up = st.tuples(st.just("makes up"), _people, st.sampled_from(PLACES), actions)
_edits = st.tuples(st.just("edits"), st.integers(0, 5), said)
_repeats = st.tuples(st.just("repeats"), st.integers(0, 10))
_sends = st.tuples(st.just("sends"), _people, st.sampled_from(tuple(MediaKind)), said | st.just(""))
_waits = st.tuples(st.just("waits"), st.sampled_from([0.0, 1.0, 30.0, 3_700.0, 90_000.0]))
_at_once = st.tuples(st.just("at once"), st.lists(st.tuples(_people, said), min_size=2, max_size=4))
_in_a_group = st.tuples(
    st.just("in a group"),
    st.sampled_from([ROOM, GROUP]),
    st.lists(st.tuples(_people, wishes | said, st.none() | st.integers(0, 9)), min_size=2, max_size=4),
    st.integers(0, 3),
)
_step = st.sampled_from(
    [_says, _says, _says, _taps, _taps, _makes_up, _edits, _repeats, _sends, _waits, _at_once, _in_a_group]
).flatmap(lambda kind: kind)
Step = tuple[object, ...]


class Talk:
    """One made-up conversation."""

    def __init__(self) -> None:
        self.world = World(slack=0)
        self.received: list[Incoming] = []
        self.tapped: dict[int, set[str]] = defaultdict(set)
        """Who tapped a button that orders, by generation."""
        self.agreed: set[str] = set()
        """Who said a plain yes."""
        self._numbers = itertools.count(1)

    def play(self, step: Step) -> None:
        """Do one step, and see that it is answered."""
        match step:
            case ("says", Person() as person, place, str(text), str(command), bool(addressed)):
                key = place if isinstance(place, ConversationKey) else alone(person)
                self.hear(self.message(person, key, text, command=command, addressed=addressed))
            case ("taps", person, int(pick)):
                self._tap(person if isinstance(person, Person) else None, pick)
            case ("makes up", Person() as person, place, str(action)):
                key = place if isinstance(place, ConversationKey) else alone(person)
                self.hear(self._press(person, key, "m1", action))
            case ("edits", int(pick), str(text)):
                messages = [one for one in self.received if isinstance(one, Message)]
                if messages:
                    old = messages[-1 - pick % len(messages)]
                    self.hear(replace(old, event_id=self._event(), text=text, edited=True, attachments=()))
            case ("repeats", int(pick)):
                if self.received:
                    self.again(self.received[-1 - pick % len(self.received)])
            case ("sends", Person() as person, MediaKind() as kind, str(text)):
                self.world.chat.files["file"] = b"\xff\xd8\xff no picture"
                file = Attachment(kind=kind, ref="file", mime_type="image/jpeg", file_name="\u202ea.exe")
                self.hear(self.message(person, alone(person), text, files=(file,)))
            case ("waits", float(seconds)):
                self.world.passes(seconds)
                self.world.sweep()
                self.world.go()
            case ("at once", list(said)):
                self._all_at_once(said)
            case ("in a group", ConversationKey() as key, list(said), int(pick)):
                self._all_in_a_group(key, said, pick)
        self.world.check()

    def message(
        self,
        person: Person,
        key: ConversationKey,
        text: str,
        *,
        command: str = "",
        addressed: bool = True,
        files: tuple[Attachment, ...] = (),
    ) -> Message:
        """Something that a person writes now."""
        private = key == alone(person)
        event = self._event()
        return Message(
            event_id=event,
            key=key,
            id=event,
            sender=person,
            text=text,
            sent_at=self.world.clock.now(),
            private=private,
            addressed=private or addressed or bool(command),
            command=command,
            attachments=files,
        )

    def hear(self, incoming: Incoming) -> None:
        """It comes in; whoever spoke to the bot is answered."""
        before = len(self.world.chat.said)
        self._receive(incoming)
        self.world.go()
        if self._wants_answer(incoming):
            assert len(self.world.chat.said) > before, f"{incoming} was not answered"

    def again(self, incoming: Incoming) -> None:
        """It comes in once more, as it came before: nothing follows."""
        rows = len(self.world.generations())
        self.world.run(self.world.product.dialogue.receive(incoming))
        self.world.go()
        assert len(self.world.generations()) == rows

    def proven(self) -> None:
        """In the end all is answered, and each order was somebody's decision."""
        for _ in range(3):
            self.world.passes(3_700.0)
            self.world.sweep()
            self.world.go()
        assert self.world.unsaid() == 0
        self.world.check()
        rows = self.world.generations()
        for job in self.world.studio.jobs:
            row = rows[number_of(job.order.key)]
            who = row.requester.id
            assert who in self.tapped[row.id] or who in self.agreed, f"nobody ordered {row.name}"
        for row in rows.values():
            assert row.status is not S.QUEUED, f"{row.name} was left behind"

    def _event(self) -> str:
        self.world.clock.advance(0.001)
        return f"made-up-{next(self._numbers)}"

    def _press(self, person: Person, key: ConversationKey, message_id: str, action: str) -> Press:
        return Press(
            event_id=self._event(),
            key=key,
            id=message_id,
            sender=person,
            action=action,
            sent_at=self.world.clock.now(),
            private=key == alone(person),
        )

    def _receive(self, incoming: Incoming) -> None:
        self.received.append(incoming)
        who = incoming.sender.id
        if isinstance(incoming, Message) and is_plain_yes(plain(incoming.text)):
            self.agreed.add(who)
        if isinstance(incoming, Press):
            pressed = parse_action(incoming.action)
            if pressed is not None and pressed.verb in ORDERING and pressed.generation_id is not None:
                self.tapped[pressed.generation_id].add(who)
        self.world.run(self.world.product.dialogue.receive(incoming))

    def _tap(self, person: Person | None, pick: int) -> None:
        offered = self.world.chat.offered
        if not offered:
            return
        chosen = offered[-1 - pick % len(offered)]
        rows = self.world.generations()
        pressed = parse_action(chosen.button.action)
        row = rows.get(pressed.generation_id or 0) if pressed is not None else None
        who = person or (row.requester if row is not None else ANN)
        self.hear(self._press(who, chosen.place, chosen.message_id, chosen.button.action))

    def _all_at_once(self, said: list[tuple[Person, str]]) -> None:
        """Several write before anybody is answered."""
        messages = [self.message(person, alone(person), text) for person, text in said]
        before = len(self.world.chat.said)
        for message in messages:
            self._receive(message)
        self.world.go()
        assert len(self.world.chat.said) >= before + len({message.sender.id for message in messages})

    def _all_in_a_group(self, key: ConversationKey, said: list[tuple[Person, str, int | None]], pick: int) -> None:
        """Several write to the bot in one place before anybody is answered, maybe in answer to an old card; what was
        said first comes last, one of it is changed, and one comes twice. Somebody else taps the newest card there."""
        cards = [one.message_id for one in self.world.chat.offered if one.place == key]
        messages = [
            replace(
                self.message(person, key, text or "?"),
                reply_to=cards[-1 - old % len(cards)] if old is not None and cards else "",
            )
            for person, text, old in said
        ]
        before = len(self.world.chat.said)
        changed = messages[pick % len(messages)]
        edit = replace(changed, event_id=self._event(), text=RICH, edited=True)
        for message in (*reversed(messages), edit, messages[0]):
            self._receive(message)
        offered = [one for one in self.world.chat.offered if one.place == key]
        if offered:
            who = PEOPLE[pick % len(PEOPLE)]
            self._receive(self._press(who, key, offered[-1].message_id, offered[-1].button.action))
        self.world.go()
        self.world.passes(5.0)
        assert len(self.world.chat.said) > before
        assert self.world.unsaid() == 0

    def _wants_answer(self, incoming: Incoming) -> bool:
        """Whether it is said to the bot beyond doubt, and is more than a second tap on what is done already."""
        if isinstance(incoming, Press):
            pressed = parse_action(incoming.action)
            return pressed is None or pressed.verb not in QUIET
        if incoming.edited or not incoming.addressed:
            return False
        return incoming.private or not incoming.command or known(incoming.command)


@tries(12, 0.05)
@example([("says", ANN, None, "a fox, 1.16:9", "", True)])
@example([("says", ANN, None, RICH, "", True), ("taps", None, 0), ("repeats", 0), ("says", ANN, None, "yes", "", True)])
@example([("sends", ANN, MediaKind.PHOTO, ""), ("sends", ANN, MediaKind.OTHER, "")])
@given(st.lists(_step, min_size=4, max_size=14))
def test_everybody_is_answered_and_nothing_is_ordered_by_itself(steps: list[Step]) -> None:
    talk = Talk()
    try:
        for step in steps:
            talk.play(step)
        talk.proven()
    finally:
        talk.world.close()


def test_every_button_is_made_up() -> None:
    """Whoever adds a button adds it to what is made up here."""
    assert set(_HANDLERS) <= set(VERBS)
