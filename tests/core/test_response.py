"""Turns without storage: what steps, buttons, commands and edits do to the rows of one conversation.

`Talk` keeps the rows between the turns as a store would, so that whole conversations can be tried in a millisecond.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import texts
from core.actions import parse_action
from core.catalogue import VideoModel, load_catalogue
from core.commands import apply_command, needs_reading
from core.conversation import MAX_HISTORY, MAX_LINE, Conversation, owner_of, remembered, titled
from core.corrections import apply_correction, correction_of
from core.generation import OPEN, Generation, GenerationStatus, Said
from core.messages import Attachment, Button, ConversationKey, MediaKind, Message, Person, Post, PostKind
from core.money import EntryKind
from core.planning import Terms
from core.policy import MAX_QUESTIONS
from core.ports import Obstacle
from core.presses import apply_press, confirm
from core.reading import Intent, Reading, Step
from core.repositories import Scene
from core.request import MediaRef, Tier, VideoRequest
from core.response import Offer, Response
from core.steps import Heard, apply_reading
from core.switching import apply_switch, fresh_conversation, list_conversations
from tests.core.test_generation import NOW, a_clip, a_generation, a_plan, an_order
from tests.stage import ANN, BOB, HERE

S = GenerationStatus
CATALOGUE = load_catalogue()
PICTURE = MediaRef(name="inputs/a.jpg", mime_type="image/jpeg")
OTHER_PICTURE = MediaRef(name="inputs/b.jpg", mime_type="image/jpeg")
RICH: Mapping[str, Any] = {"idea": "a red fox", "style": "cinematic", "setting": "in the snow"}


class Talk:
    """A conversation in memory."""

    def __init__(
        self,
        *generations: Generation,
        providers: tuple[str, ...] = ("animatic",),
        terms: Terms | None = None,
        obstacle: Obstacle | None = None,
        link: str = "",
    ) -> None:
        self.models: tuple[VideoModel, ...] = CATALOGUE.offered(providers, NOW)
        self.terms = terms or Terms()
        self.obstacle = obstacle
        self.link = link
        self.rows = {generation.id: generation for generation in generations}
        self.now = NOW
        self.conversation = Conversation(id="c1", key=HERE, owner_id=ANN.id, created_at=NOW, updated_at=NOW)
        self._ids = itertools.count(max(self.rows, default=0) + 1)
        self.last: Response
        self.asked = 0
        """How many questions were asked, those of "Change…" not counted."""

    def turn(self, fill: Callable[[Response], None], *, person: Person = ANN, source: str = "m9") -> Response:
        """Let one turn happen and keep what came of it."""
        response = Response(
            self.scene,
            person=person,
            source_id=source,
            reply_to="",
            offer=Offer(models=self.models, terms=self.terms, link=lambda name: self.link, link_until="21 May"),
            ids=self._ids,
            now=self.now,
            obstacle=self.obstacle,
        )
        fill(response)
        response.shape({})
        for generation in response.changed:
            self.rows[generation.id] = replace(generation, revision=generation.revision + 1)
        self.conversation = response.conversation
        self.last = response
        questions = {generation.id: generation.question for generation in response.changed}
        for outgoing in response.posts:
            question = questions.get(outgoing.generation_id or 0)
            if outgoing.post.kind is PostKind.QUESTION and outgoing.post.buttons and question:
                self.asked += question.slot != "change"
        return response

    def read(
        self,
        *steps: Step,
        person: Person = ANN,
        text: str = "some words",
        private: bool = True,
        addressed: bool = True,
        pictures: tuple[MediaRef, ...] = (),
        about: int | None = None,
        **reading: Any,
    ) -> Response:
        """A message that was read as these steps."""
        heard = Heard(message_id="m9", text=text, private=private, addressed=addressed, pictures=pictures, about=about)
        read = Reading(steps=steps, **reading)
        return self.turn(lambda response: apply_reading(response, read, heard), person=person)

    def wish(self, **changes: Any) -> Response:
        """A message that asks for a video."""
        return self.read(Step(intent=Intent.CREATE, changes=changes))

    def press(self, action: str, *, person: Person = ANN) -> Response:
        """A tap on a button that carries this."""
        pressed = parse_action(action)
        assert pressed is not None, action
        return self.turn(lambda response: apply_press(response, pressed), person=person)

    def tap(self, label: str, *, person: Person = ANN) -> Response:
        """A tap on the button of the last answer whose label begins so."""
        return self.press(self.button(label).action, person=person)

    def command(self, name: str, text: str = "") -> Response:
        """A command without a wish."""
        message = a_message(text=text, command=name)
        heard = Heard(message_id=message.id, text=text, private=True)
        return self.turn(lambda response: apply_command(response, message, heard))

    def button(self, label: str) -> Button:
        for post in self.posts:
            for button in buttons_of(post):
                if button.label.startswith(label):
                    return button
        raise AssertionError(f"no button {label!r} under {self.said!r}")

    def standing(self) -> list[GenerationStatus]:
        """Where every generation stands, oldest first."""
        return [row.status for row in self.rows.values()]

    @property
    def scene(self) -> Scene:
        rows = sorted(self.rows.values(), key=lambda row: -row.id)
        return Scene(conversation=self.conversation, generations=tuple(rows))

    @property
    def posts(self) -> list[Post]:
        return [outgoing.post for outgoing in self.last.posts]

    @property
    def said(self) -> str:
        return "\n".join(f"{post.heading}\n{post.text}".strip() for post in self.posts)

    @property
    def money(self) -> list[tuple[EntryKind, int]]:
        return [(entry.kind, entry.amount) for entry in self.last.entries]


def buttons_of(post: Post) -> list[Button]:
    return [button for row in post.buttons for button in row]


def a_message(**fields: Any) -> Message:
    values: dict[str, Any] = {
        "event_id": "e1",
        "key": HERE,
        "id": "m9",
        "sender": ANN,
        "sent_at": NOW,
    } | fields
    return Message(**values)


def clip(number: int = 1, **fields: Any) -> Generation:
    """A finished clip."""
    values: dict[str, Any] = {"clip": a_clip(), "order": an_order(), "prompt": "A fox.", "seed": 42} | fields
    return a_generation(number, values.pop("status", S.COMPLETED), **values)


# --- asking and showing ----------------------------------------------------------------------------------------------


def test_a_poor_wish_is_asked_about_and_then_becomes_a_card() -> None:
    talk = Talk()
    talk.wish(idea="a fox")
    assert [post.kind for post in talk.posts] == [PostKind.QUESTION]
    assert [button.label for button in buttons_of(talk.posts[0])] == [
        "In nature",
        "In a city",
        "At home",
        "You decide",
    ]
    talk.tap("In a city")
    answered, question = talk.posts
    assert answered.text.endswith("→ In a city")
    assert answered.buttons == ()
    assert "look" in question.text
    talk.tap("You decide")
    assert talk.posts[0].text.endswith("→ You decide")
    assert talk.posts[1].kind is PostKind.CARD
    assert talk.rows[1].status is S.PENDING_CONFIRMATION
    assert talk.rows[1].asked == 2
    assert talk.money == [(EntryKind.QUOTE, 0)]


def test_words_answer_an_open_question_too() -> None:
    talk = Talk()
    talk.wish(idea="a fox")
    talk.read(Step(intent=Intent.ANSWER, changes={"setting": "on the moon"}))
    assert talk.posts[0].text.endswith("→ on the moon")
    talk.read(Step(intent=Intent.ANSWER))
    assert talk.posts[0].text.endswith("→ You decide")
    assert talk.rows[1].request.decided == {"style"}


EVENTS = st.lists(
    st.tuples(st.sampled_from(["button", "any", "answer", "refine", "odd", "change", "nothing"]), st.integers(0, 3)),
    min_size=6,
    max_size=14,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=EVENTS, providers=st.sampled_from([("animatic",), ("veo",), ("veo", "omni")]))
def test_never_more_than_three_questions_and_always_a_card(
    events: list[tuple[str, int]], providers: tuple[str, ...]
) -> None:
    talk = Talk(providers=providers)
    talk.wish()
    for kind, number in events:
        questions = [post for post in talk.posts if post.kind is PostKind.QUESTION and post.buttons]
        row = talk.rows[1]
        assert talk.asked <= MAX_QUESTIONS
        assert row.asked <= MAX_QUESTIONS
        assert row.status in OPEN
        options = buttons_of(questions[0]) if questions else []
        if kind == "button" and options:
            talk.press(options[number % len(options)].action)
        elif kind == "any" and row.question:
            talk.press(f"opt:1:{row.question.number}:any")
        elif kind == "answer" and row.question:
            talk.read(Step(intent=Intent.ANSWER, changes={"mood": "calm"} if number else {}))
        elif kind == "odd":
            odd: list[Mapping[str, Any]] = [
                {"duration_s": 99},
                {"aspect": "4:3"},
                {"resolution": "480p"},
                {"x": 1},
            ]
            talk.read(Step(intent=Intent.REFINE, changes=odd[number]))
        elif kind == "change":
            talk.press("change:1")
        elif kind == "refine":
            talk.read(Step(intent=Intent.REFINE, changes={"idea": "a cat"} if number else {}))
    talk.read(hurry=True)
    assert talk.asked <= MAX_QUESTIONS
    row = talk.rows[1]
    assert row.status is S.PENDING_CONFIRMATION
    assert row.plan is not None
    assert row.plan.model in {model.id for model in talk.models}


def test_one_question_at_a_time_also_with_several_wishes() -> None:
    talk = Talk()
    talk.read(
        Step(intent=Intent.CREATE, changes={"idea": "a fox"}),
        Step(intent=Intent.CREATE, changes={"idea": "a cat"}),
        summary="both",
    )
    assert [post.kind for post in talk.posts] == [PostKind.QUESTION, PostKind.CARD]
    assert [talk.rows[1].summary, talk.rows[2].summary] == ["a fox", "a cat"]


def test_another_wish_lets_go_of_an_unanswered_question() -> None:
    talk = Talk()
    talk.wish(idea="a fox")
    talk.wish(**RICH)
    assert talk.rows[1].status is S.CANCELLED
    assert talk.rows[2].status is S.PENDING_CONFIRMATION
    assert [post.kind for post in talk.posts] == [PostKind.QUESTION, PostKind.CARD]
    assert talk.posts[0].buttons == ()


def test_another_wish_leaves_a_card_as_it_is() -> None:
    talk = Talk()
    talk.wish(**RICH)
    talk.wish(**RICH)
    assert [row.status for row in talk.rows.values()] == [S.PENDING_CONFIRMATION] * 2


def test_a_length_that_cannot_be_had_takes_the_card_back_to_a_question() -> None:
    talk = Talk(providers=("veo",))
    talk.wish(**RICH)
    talk.read(Step(intent=Intent.REFINE, changes={"duration_s": 20}))
    assert talk.standing() == [S.PENDING_CLARIFICATION]
    talk.tap("6 s")
    assert talk.standing() == [S.PENDING_CONFIRMATION]
    assert talk.rows[1].plan is not None
    assert (talk.rows[1].plan.number, talk.rows[1].plan.duration_s) == (2, 6)


def test_what_was_taken_instead_is_remembered_and_said() -> None:
    talk = Talk(providers=("veo",))
    talk.read(Step(intent=Intent.CREATE, changes={**RICH, "duration_s": 20, "aspect": "1:1"}), hurry=True)
    assert "cannot do 20 s, so I took 8 s" in talk.said
    assert "cannot do square 1:1, so I took upright 9:16" in talk.said
    assert talk.rows[1].request.duration_s == 8
    assert talk.rows[1].said[-1] == Said(message_id="", changes={"duration_s": 8, "aspect": "9:16"})


def test_pictures_no_model_can_use_are_said_so() -> None:
    talk = Talk()

    def begin(response: Response) -> None:
        response.begin(RICH, message_id="m", base=VideoRequest(references=(PICTURE,)))

    talk.turn(begin)
    assert talk.rows[1].status is S.CANCELLED
    assert talk.said == texts.talk.NO_MODEL
    assert talk.last.entries == []


@pytest.mark.parametrize("obstacle", list(Obstacle))
def test_where_no_clip_can_be_posted_there_is_no_card(obstacle: Obstacle) -> None:
    talk = Talk(obstacle=obstacle)
    talk.wish(**RICH)
    assert talk.said == texts.places.OBSTACLES[obstacle]
    assert talk.rows[1].status is S.CANCELLED
    assert talk.money == []


def test_the_card_offers_a_cheaper_draft() -> None:
    talk = Talk(providers=("omni",))
    talk.wish(**RICH, duration_s=8)
    labels = [button.label for button in buttons_of(talk.posts[0])]
    assert labels == ["Make it · $0.56", "Quick draft · $0.19", "Change…", "Show prompt", "Cancel"]
    talk.tap("Quick draft")
    plan = talk.rows[1].plan
    assert plan is not None
    assert (plan.tier, plan.quote.amount, plan.number) == (Tier.DRAFT, 184_000, 2)
    assert talk.money == [(EntryKind.HOLD, 184_000)]
    assert talk.last.started == [1]


def test_a_draft_whose_price_changed_is_a_new_card_and_one_that_is_gone_orders_nothing() -> None:
    talk = Talk(providers=("omni",))
    talk.wish(**RICH, duration_s=8)
    draft = talk.button("Quick draft").action
    plan = talk.rows[1].plan
    assert plan is not None
    talk.rows[1] = replace(talk.rows[1], plan=replace(plan, draft_price=1))
    talk.press(draft)
    assert talk.money == [(EntryKind.QUOTE, 560_000)]
    assert talk.rows[1].status is S.PENDING_CONFIRMATION
    draft = talk.button("Quick draft").action
    talk.models = tuple(replace(model, tiers={Tier.STANDARD: "720p"}) for model in talk.models)
    talk.press(draft)
    assert talk.said == texts.cards.CARD_REPLACED
    assert talk.rows[1].status is S.PENDING_CONFIRMATION
    talk.press("draft:1:77")
    assert talk.said == texts.cards.CARD_REPLACED
    assert talk.money == []


@pytest.mark.parametrize("action", ["make:1:1", "draft:1:1"])
def test_a_card_of_a_retired_model_is_a_new_card_for_a_new_tap(action: str) -> None:
    talk = Talk(a_generation(plan=a_plan(model="retired-1", model_name="Old One", draft_price=1)))
    talk.press(action)
    assert "Old One is not on offer any more" in talk.said
    plan = talk.rows[1].plan
    assert plan is not None
    assert (plan.model, plan.number) == ("animatic-1", 2)
    assert talk.rows[1].status is S.PENDING_CONFIRMATION
    assert talk.money == [(EntryKind.QUOTE, 0)]
    assert talk.last.started == []


@pytest.mark.parametrize("verb", ["details", "prompt"])
def test_a_made_up_tap_before_there_is_a_card_is_answered(verb: str) -> None:
    talk = Talk(a_generation(status=S.PENDING_CLARIFICATION, plan=None))
    talk.press(f"{verb}:1")
    assert talk.said == texts.clips.STALE_BUTTON


# --- steps -----------------------------------------------------------------------------------------------------------


def test_an_answer_without_a_question_is_said_so() -> None:
    talk = Talk()
    talk.read(Step(intent=Intent.ANSWER))
    assert talk.said == texts.cards.NOTHING_TO_ANSWER
    assert talk.rows == {}


@pytest.mark.parametrize("intent", [Intent.ANSWER, Intent.REFINE])
def test_a_change_with_nothing_to_change_is_a_wish_in_the_persons_words(intent: Intent) -> None:
    talk = Talk()
    talk.read(Step(intent=intent, changes={"style": "drawn", "mood": "calm"}), text="a fox, drawn, calm")
    assert talk.rows[1].request.idea == "a fox, drawn, calm"


def test_a_named_generation_is_the_one_that_changes() -> None:
    talk = Talk(a_generation(1), a_generation(2))
    talk.read(Step(intent=Intent.REFINE, changes={"mood": "calm"}, target=1))
    assert talk.rows[1].request.mood == "calm"
    assert talk.rows[2].request.mood == ""


def test_a_reply_is_about_what_it_replies_to() -> None:
    talk = Talk(a_generation(1), a_generation(2))
    talk.read(Step(intent=Intent.REFINE, changes={"mood": "calm"}), about=1)
    assert talk.rows[1].request.mood == "calm"


def test_an_answer_goes_to_the_newest_request_when_no_question_is_open() -> None:
    talk = Talk(a_generation(1), a_generation(2))
    talk.read(Step(intent=Intent.ANSWER, changes={"mood": "calm"}))
    assert talk.rows[2].request.mood == "calm"


def test_what_is_ordered_is_left_as_it_is() -> None:
    talk = Talk(a_generation(status=S.PROCESSING))
    talk.read(Step(intent=Intent.REFINE, changes={"mood": "calm"}))
    assert talk.said == texts.talk.ALREADY_UNDER_WAY.format(id="v1")
    assert talk.last.changed == ()


def test_several_changes_to_a_clip_are_one_new_card() -> None:
    talk = Talk(clip())
    talk.read(
        Step(intent=Intent.REFINE, changes={"duration_s": 12}),
        Step(intent=Intent.REFINE, changes={"language": "es"}),
        pictures=(PICTURE,),
    )
    assert set(talk.rows) == {1, 2}
    request = talk.rows[2].request
    assert (request.duration_s, request.language, request.seed, request.idea) == (12, "es", 42, "a red fox")
    assert request.first_frame == PICTURE
    assert talk.rows[2].parent == 1


def test_somebody_else_can_only_suggest() -> None:
    talk = Talk(a_generation())
    talk.read(Step(intent=Intent.REFINE, changes={"setting": "at night"}), person=BOB, text="at night")
    assert talk.said == "Bob suggests: at night"
    assert talk.rows[1].request.setting == ""
    use, mine = talk.button("Use it").action, talk.button("Keep mine").action
    talk.press(use, person=BOB)
    assert "Only Ann can decide" in talk.said
    talk.press(mine)
    assert talk.said == texts.clips.KEPT_AS_IS.format(id="v1")
    assert talk.rows[1].request.setting == ""
    talk.press(use)
    assert talk.rows[1].request.setting == "at night"
    talk.press("use:1:5")
    assert talk.said == texts.clips.STALE_BUTTON
    talk.press("use:1")
    assert talk.said == texts.clips.STALE_BUTTON


def test_a_hurry_shows_the_card_of_ones_own_request() -> None:
    talk = Talk()
    talk.wish(idea="a fox")
    talk.read(hurry=True, person=BOB)
    assert talk.standing() == [S.PENDING_CLARIFICATION]
    talk.read(hurry=True)
    assert talk.standing() == [S.PENDING_CONFIRMATION]


def test_a_picture_without_words_begins_what_is_being_shaped_or_something_new() -> None:
    talk = Talk(a_generation())
    talk.read(pictures=(PICTURE, OTHER_PICTURE), text="")
    assert talk.rows[1].request.first_frame == PICTURE
    talk = Talk(a_generation(requester=BOB))
    talk.read(pictures=(PICTURE,), text="")
    assert talk.rows[1].request.first_frame is None
    assert talk.rows[2].request.first_frame == PICTURE
    assert talk.rows[2].question is not None


def test_a_picture_with_a_change_goes_to_the_request() -> None:
    talk = Talk(a_generation())
    talk.read(Step(intent=Intent.REFINE, changes={"mood": "calm"}), pictures=(PICTURE,))
    assert talk.rows[1].request.first_frame == PICTURE


def test_the_first_of_several_wishes_gets_the_picture() -> None:
    talk = Talk()
    talk.read(
        Step(intent=Intent.CREATE, changes=RICH),
        Step(intent=Intent.CREATE, changes=RICH),
        pictures=(PICTURE,),
    )
    assert [row.request.first_frame for row in talk.rows.values()] == [PICTURE, None]


def test_a_model_that_says_confirm_orders_nothing() -> None:
    talk = Talk()
    talk.read(Step(intent=Intent.CONFIRM))
    assert talk.said == texts.cards.NOTHING_TO_CONFIRM
    talk = Talk(a_generation(1))
    talk.read(Step(intent=Intent.CONFIRM))
    assert "Make it · $0.56" in talk.said
    talk = Talk(a_generation(1), a_generation(2))
    talk.read(Step(intent=Intent.CONFIRM))
    assert talk.said == texts.cards.SEVERAL_CARDS
    assert talk.last.started == []


STEPS_OF_ALL_KINDS = st.lists(
    st.builds(
        Step,
        intent=st.sampled_from(list(Intent)),
        changes=st.sampled_from([{}, {"idea": "a cat"}, {"duration_s": 5, "tier": "best"}, {"price": 0}]),
        target=st.none() | st.integers(min_value=0, max_value=6),
        reply=st.sampled_from(["", "well"]),
    ),
    max_size=4,
)
ALL_STATUSES = [
    clip(index + 1, status=status, clip=a_clip() if status is S.COMPLETED else None) for index, status in enumerate(S)
]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=STEPS_OF_ALL_KINDS,
    person=st.sampled_from([ANN, BOB]),
    hurry=st.booleans(),
    private=st.booleans(),
    pictures=st.sampled_from([(), (PICTURE,)]),
    about=st.none() | st.integers(min_value=1, max_value=15),
)
def test_nothing_a_model_says_orders_spends_or_stops_what_is_not_ones_own(
    steps: list[Step],
    person: Person,
    hurry: bool,
    private: bool,
    pictures: tuple[MediaRef, ...],
    about: int | None,
) -> None:
    talk = Talk(*ALL_STATUSES, providers=("omni",))
    before = dict(talk.rows)
    talk.read(*steps, person=person, hurry=hurry, private=private, pictures=pictures, about=about)
    assert talk.last.started == []
    assert {kind for kind, _ in talk.money} <= {EntryKind.QUOTE, EntryKind.RELEASE}
    for number, row in before.items():
        if row.status not in OPEN:
            assert talk.rows[number].plan == row.plan
            assert talk.rows[number].said == row.said
        if person == BOB:
            assert talk.rows[number].status is row.status
            assert talk.rows[number].cancel_requested is row.cancel_requested
            assert talk.rows[number].said == row.said


def test_a_wish_that_is_taken_back_in_the_same_message_shows_no_card() -> None:
    talk = Talk()
    talk.read(Step(intent=Intent.CREATE, changes=RICH), Step(intent=Intent.CANCEL))
    assert talk.standing() == [S.CANCELLED]
    assert talk.said == texts.cards.CANCELLED_CARD
    assert talk.money == []


def test_a_change_that_says_nothing_new_is_answered() -> None:
    nothing = Step(intent=Intent.REFINE)
    talk = Talk(a_generation())
    talk.read(nothing)
    assert talk.said == texts.clips.NOTHING_CHANGED.format(id="v1")
    talk.read(nothing, hurry=True)
    assert "Make it · $0.56" in talk.said
    assert talk.last.changed == ()
    talk = Talk()
    talk.wish(idea="a fox")
    talk.read(nothing)
    assert talk.said == f"I did not get that. {texts.questions.QUESTIONS['setting']}"
    assert talk.rows[1].question is not None


# --- cancelling, status and lists ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "words", "after", "released"),
    [
        (S.PENDING_CONFIRMATION, texts.cards.CANCELLED_CARD, S.CANCELLED, False),
        (S.PENDING_CLARIFICATION, texts.cards.CANCELLED_CARD, S.CANCELLED, False),
        (S.QUEUED, "not charged", S.CANCELLED, True),
        (S.AMBIGUOUS, "not charged", S.CANCELLED, True),
        (S.SUBMITTING, "Stopping v1", S.SUBMITTING, False),
        (S.PROCESSING, "Stopping v1", S.PROCESSING, False),
        (S.DOWNLOADING, "finished already", S.DOWNLOADING, False),
        (S.DELIVERING, "finished already", S.DELIVERING, False),
    ],
)
def test_cancel_stops_as_far_as_it_has_got(
    status: GenerationStatus, words: str, after: GenerationStatus, released: bool
) -> None:
    talk = Talk(a_generation(status=status))
    talk.press("cancel:1")
    assert words in talk.said
    row = talk.rows[1]
    assert row.status is after
    assert row.cancel_requested is (status in (S.SUBMITTING, S.PROCESSING))
    assert talk.last.woken == ([1] if row.cancel_requested else [])
    assert talk.money == ([(EntryKind.RELEASE, 560_000)] if released else [])


def test_cancelling_a_question_closes_it() -> None:
    talk = Talk()
    talk.wish(idea="a fox")
    talk.read(Step(intent=Intent.CANCEL))
    assert talk.posts[0].kind is PostKind.QUESTION
    assert talk.posts[0].buttons == ()
    assert talk.posts[1].text == texts.cards.CANCELLED_CARD
    assert talk.rows[1].question is None


@pytest.mark.parametrize(
    ("status", "words"),
    [(S.COMPLETED, "finished already"), (S.FAILED, "over already"), (S.CANCELLED, "over already")],
)
def test_a_tap_on_cancel_after_the_end_says_so(status: GenerationStatus, words: str) -> None:
    talk = Talk(clip(status=status))
    talk.press("cancel:1")
    assert words in talk.said
    assert talk.last.changed == ()


def test_cancel_in_words() -> None:
    talk = Talk()
    talk.read(Step(intent=Intent.CANCEL))
    assert talk.said == texts.endings.NOTHING_TO_CANCEL
    talk = Talk(a_generation(1), a_generation(2, S.PROCESSING), a_generation(3, S.AMBIGUOUS))
    talk.read(Step(intent=Intent.CANCEL))
    assert talk.said == texts.endings.WHICH_ONE
    assert [button.action for button in buttons_of(talk.posts[0])] == ["cancel:1", "cancel:2", "cancel:3"]
    talk.read(Step(intent=Intent.CANCEL, target=2))
    assert talk.rows[2].cancel_requested
    talk.read(Step(intent=Intent.CANCEL), about=3)
    assert talk.rows[3].status is S.CANCELLED
    talk = Talk(a_generation(1, requester=BOB), a_generation(2))
    talk.read(Step(intent=Intent.CANCEL))
    assert talk.rows[2].status is S.CANCELLED
    talk.read(Step(intent=Intent.CANCEL))
    assert "Only Bob can decide about v1" in talk.said
    assert talk.rows[1].status is S.PENDING_CONFIRMATION


def test_status_tells_what_runs_and_what_waits() -> None:
    talk = Talk()
    talk.read(Step(intent=Intent.STATUS))
    assert talk.said == texts.talk.NOTHING_RUNNING
    talk = Talk(a_generation(1, S.PROCESSING), a_generation(2))
    talk.wish(idea="a cat")
    talk.command("status")
    assert talk.said.splitlines() == [
        "v1 · Filming · 0 s of about 8 s",
        "v3 · waits for your answer",
        "v2 · waits for your tap",
    ]


def test_the_list_shows_finished_clips_with_their_lengths() -> None:
    talk = Talk()
    talk.command("videos")
    assert talk.said == texts.talk.NO_VIDEOS
    talk = Talk(*(clip(number) for number in range(1, 13)), clip(13, status=S.FAILED), a_generation(14))
    talk.command("list")
    lines = talk.said.splitlines()
    assert len(lines) == 10
    assert lines[0] == "v12 · a red fox · 8 s"
    assert [button.label for button in buttons_of(talk.posts[0])] == [f"Details v{n}" for n in (12, 11, 10, 9, 8)]


@pytest.mark.parametrize(
    ("step", "text", "said"),
    [
        (Step(intent=Intent.HELP), "help", texts.talk.HELP),
        (Step(intent=Intent.CHAT, reply="Hi Ann!"), "hi", "Hi Ann!"),
        (Step(intent=Intent.CHAT), "thanks", texts.talk.CHAT),
        (Step(intent=Intent.CHAT), "", texts.talk.NOT_UNDERSTOOD),
        (Step(intent=Intent.UNSAFE, reply="Not that."), "x", "Not that."),
        (Step(intent=Intent.UNSAFE), "x", texts.talk.UNSAFE),
        (Step(intent=Intent.SETTINGS), "x", texts.talk.SETTINGS_LATER),
        (Step(intent=Intent.ASIDE), "x", texts.talk.NOT_UNDERSTOOD),
    ],
)
def test_talk_is_answered(step: Step, text: str, said: str) -> None:
    talk = Talk()
    talk.read(step, text=text)
    assert talk.said == said


def test_an_aside_among_people_is_not_answered() -> None:
    talk = Talk()
    talk.read(Step(intent=Intent.ASIDE), private=False, addressed=False)
    assert talk.posts == []
    talk.read(Step(intent=Intent.ASIDE), private=False)
    assert [post.text for post in talk.posts] == [texts.talk.NOT_UNDERSTOOD], "who speaks to the bot gets an answer"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("help", "", texts.talk.HELP),
        ("settings", "", texts.talk.SETTINGS_LATER),
        ("new", "", texts.talk.NEW_CONVERSATION),
        ("start", "", texts.talk.HELLO),
        ("frobnicate", "", texts.talk.NOT_UNDERSTOOD),
        ("cancel", "", texts.endings.NOTHING_TO_CANCEL),
        ("video", "", texts.questions.QUESTIONS["idea"]),
    ],
)
def test_commands(name: str, text: str, said: str) -> None:
    talk = Talk()
    talk.command(name, text)
    assert talk.said == said


@pytest.mark.parametrize("text", ["v2", "2", " V2 "])
def test_a_command_names_a_generation(text: str) -> None:
    talk = Talk(a_generation(1), a_generation(2))
    talk.command("stop", text)
    assert [row.status for row in talk.rows.values()] == [S.PENDING_CONFIRMATION, S.CANCELLED]


@pytest.mark.parametrize(
    ("message", "read"),
    [
        (a_message(text="a fox"), True),
        (a_message(text=""), True),
        (a_message(text="a fox", command="video"), True),
        (a_message(text="a fox", command="new"), True),
        (a_message(text="  ", command="video"), False),
        (a_message(command="video", attachments=(Attachment(kind=MediaKind.PHOTO, ref="a"),)), True),
        (a_message(text="v1", command="cancel"), False),
    ],
)
def test_only_wishes_are_read_by_the_model(message: Message, read: bool) -> None:
    assert needs_reading(message) is read


# --- buttons ---------------------------------------------------------------------------------------------------------


def test_the_tap_on_the_card_holds_its_price_and_puts_it_into_the_queue() -> None:
    talk = Talk(a_generation())
    talk.press("make:1:1")
    assert talk.rows[1].status is S.QUEUED
    assert talk.money == [(EntryKind.HOLD, 560_000)]
    assert talk.last.started == [1]
    card, status = talk.posts
    assert (card.kind, card.buttons) == (PostKind.CARD, ())
    assert status.text.startswith("v1 · ")
    assert status.kind is PostKind.STATUS
    assert [button.label for button in buttons_of(status)] == ["Cancel"]


def test_an_order_closes_the_question_that_stood_open() -> None:
    talk = Talk(a_generation())
    talk.press("change:1")
    talk.press("make:1:1")
    assert [post.kind for post in talk.posts] == [PostKind.QUESTION, PostKind.CARD, PostKind.STATUS]
    assert talk.rows[1].question is None


@pytest.mark.parametrize(
    ("row", "action", "words"),
    [
        (a_generation(), "make:1:2", texts.cards.CARD_REPLACED),
        (a_generation(), "make:1", texts.cards.CARD_REPLACED),
        (a_generation(status=S.PENDING_CLARIFICATION), "make:1:1", texts.cards.CARD_REPLACED),
        (a_generation(plan=None, status=S.PENDING_CLARIFICATION), "make:1:1", texts.cards.CARD_REPLACED),
        (a_generation(plan=a_plan(valid_until=NOW)), "make:1:1", texts.cards.QUOTE_EXPIRED),
        (a_generation(plan=a_plan(valid_until=NOW)), "draft:1:1", texts.cards.QUOTE_EXPIRED),
        (a_generation(status=S.EXPIRED), "make:1:1", texts.cards.QUOTE_EXPIRED),
        (a_generation(status=S.CANCELLED), "make:1:1", texts.cards.CANCELLED_CARD),
        (a_generation(status=S.CANCELLED, order=an_order()), "make:1:1", texts.cards.ALREADY_ORDERED.format(id="v1")),
        *((a_generation(status=status), "make:1:1", texts.cards.ALREADY_ORDERED.format(id="v1")) for status in S
          if status not in OPEN | {S.CANCELLED, S.EXPIRED, S.PENDING_APPROVAL}),
        (a_generation(status=S.PENDING_APPROVAL), "make:1:1", "waits for an approval"),
        (a_generation(), "make:2:1", texts.clips.STALE_BUTTON),
        (a_generation(), "fly:1", texts.clips.STALE_BUTTON),
        (a_generation(), "make:abc:1", texts.clips.STALE_BUTTON),
        (a_generation(requester=BOB), "make:1:1", "Only Bob can decide"),
    ],
)  # fmt: skip
def test_a_tap_that_does_not_count_orders_nothing_and_says_why(row: Generation, action: str, words: str) -> None:
    talk = Talk(row)
    talk.press(action)
    assert words in talk.said
    assert talk.last.started == []
    assert talk.money == []
    assert talk.rows[1].status in (row.status, S.EXPIRED)


def test_a_plain_yes_is_a_tap_on_the_main_button() -> None:
    talk = Talk(a_generation(plan=a_plan(number=7)))
    talk.turn(lambda response: confirm(response, response[1]))
    assert talk.rows[1].status is S.QUEUED


ALL_VERBS = (
    "make", "draft", "change", "prompt", "cancel", "price", "opt", "take", "alter", "longer", "file", "delete",
    "erase", "keep", "again", "drop", "rewrite", "retry", "wait", "post", "use", "mine", "stop",
)  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    status=st.sampled_from(list(S)),
    verb=st.sampled_from(ALL_VERBS),
    args=st.lists(st.integers(min_value=0, max_value=3), max_size=2),
    kept=st.booleans(),
    person=st.sampled_from([ANN, BOB]),
)
def test_whatever_is_tapped_when_money_moves_only_as_it_may(
    status: GenerationStatus, verb: str, args: list[int], kept: bool, person: Person
) -> None:
    row = clip(status=status, clip=a_clip() if kept else None, rewrites=("a cat", "a dog"))
    talk = Talk(row, providers=("omni", "animatic"))
    talk.press(":".join([verb, "1", *map(str, args)]), person=person)
    assert talk.posts or talk.last.started
    kinds = [kind for kind, _ in talk.money if kind is not EntryKind.QUOTE]
    if person == BOB:
        assert talk.last.changed == ()
        assert kinds == []
        assert talk.last.started == []
        assert talk.last.erased == []
    if EntryKind.HOLD in kinds:
        assert (status, verb, args[:1]) == (S.PENDING_CONFIRMATION, "make", [1])
    if EntryKind.RELEASE in kinds:
        assert status in (S.QUEUED, S.AMBIGUOUS)
        assert verb in ("cancel", "drop", "stop")
    if talk.last.started:
        assert verb in ("make", "again", "post")


def test_change_offers_what_the_model_can_do_otherwise() -> None:
    talk = Talk(a_generation())
    talk.press("change:1")
    assert [button.label for button in buttons_of(talk.posts[0])] == [
        "7 s",
        "9 s",
        "upright 9:16",
        "No sound",
        "You decide",
    ]
    assert talk.rows[1].asked == 0
    talk.tap("You decide")
    assert talk.posts[-1].kind is PostKind.CARD
    assert talk.rows[1].request.decided == frozenset()


@pytest.mark.parametrize(
    ("row", "labels"),
    [
        (a_generation(plan=a_plan(model="retired-1")), []),
        (a_generation(plan=None), []),
        (a_generation(plan=a_plan(duration_s=2, sound=False)), ["3 s", "upright 9:16", "square 1:1"]),
        (a_generation(plan=a_plan(duration_s=30)), ["24 s", "upright 9:16", "square 1:1", "No sound"]),
    ],
)
def test_change_offers_nothing_that_cannot_be_had(row: Generation, labels: list[str]) -> None:
    talk = Talk(row)
    talk.press("change:1")
    assert [button.label for button in buttons_of(talk.posts[0])] == [*labels, "You decide"]


def test_a_button_of_a_question_counts_once() -> None:
    talk = Talk()
    talk.wish(idea="a fox")
    first = talk.button("In a city").action
    talk.press(first)
    talk.press(first)
    assert talk.said == texts.clips.QUESTION_CLOSED
    assert talk.rows[1].question is not None
    talk.press(f"opt:1:{talk.rows[1].question.number}:9")
    assert talk.said == texts.clips.STALE_BUTTON


def test_buttons_of_what_is_under_way_change_nothing() -> None:
    for verb in ("change", "take", "retry", "longer"):
        talk = Talk(a_generation(status=S.PROCESSING))
        talk.press(f"{verb}:1")
        assert talk.said == texts.talk.ALREADY_UNDER_WAY.format(id="v1"), verb
        assert talk.last.changed == ()


def test_new_price() -> None:
    talk = Talk(a_generation())
    talk.press("price:1")
    assert talk.rows[1].plan is not None
    assert talk.rows[1].plan.number == 2
    talk = Talk(a_generation(status=S.EXPIRED))
    talk.press("price:1")
    assert talk.rows[2].status is S.PENDING_CONFIRMATION
    assert talk.rows[2].request == talk.rows[1].request
    talk = Talk(a_generation(status=S.PROCESSING))
    talk.press("price:1")
    assert talk.said == texts.cards.ALREADY_ORDERED.format(id="v1")


def test_another_take_has_a_new_seed_and_longer_a_new_length() -> None:
    talk = Talk(clip(base=VideoRequest(seed=42)))
    talk.press("take:1")
    assert talk.rows[2].request == replace(talk.rows[1].request, seed=None)
    talk.press("longer:1")
    assert talk.rows[3].request.duration_s == 12


def test_longer_says_when_it_is_the_longest_or_the_model_is_gone() -> None:
    talk = Talk(clip(plan=a_plan(duration_s=30)))
    talk.press("longer:1")
    assert "v1 is as long as Storyboard can make it (30 s)" in talk.said
    talk = Talk(clip(plan=a_plan(model="retired-1")))
    talk.press("longer:1")
    assert talk.said == texts.talk.NO_MODEL
    talk = Talk(clip(plan=a_plan(duration_s=24)))
    talk.press("longer:1")
    assert talk.rows[2].request.duration_s == 30


def test_deleting_asks_first_and_then_forgets_every_file() -> None:
    talk = Talk(clip(clip=a_clip(sent="v1/smaller.mp4")))
    talk.press("delete:1")
    yes, keep = talk.button("Yes, delete it").action, talk.button("Keep it").action
    talk.press(keep)
    assert talk.said == "v1 is kept."
    assert talk.last.erased == []
    talk.press(yes)
    assert talk.last.erased == ["v1/clip.mp4", "v1/poster.jpg", "v1/smaller.mp4"]
    assert talk.rows[1].clip is None
    for action in ("delete:1", "erase:1", "file:1"):
        talk.press(action)
        assert talk.said == texts.clips.GONE.format(id="v1")
        assert talk.last.erased == []


def test_a_clip_on_its_way_is_not_erased() -> None:
    talk = Talk(clip(status=S.DELIVERING))
    talk.press("erase:1")
    assert talk.last.erased == []


@pytest.mark.parametrize(
    ("link", "sent", "words"),
    [
        ("https://example.org/v/1", "v1/smaller.mp4", "The link works until 21 May"),
        ("", "v1/smaller.mp4", "PUBLIC_URL"),
        ("", "", "byte for byte (2.4 MB)"),
    ],
)
def test_the_original_is_where_it_can_be_had(link: str, sent: str, words: str) -> None:
    talk = Talk(clip(clip=a_clip(sent=sent)), link=link)
    talk.press("file:1", person=BOB)
    assert words in talk.said
    assert [button.url for button in buttons_of(talk.posts[0])] == ([link] if link else [])


def test_order_again_counts_once_and_only_when_the_answer_was_lost() -> None:
    talk = Talk(a_generation(status=S.AMBIGUOUS, retries=1, order=an_order()))
    talk.press("again:1:0")
    assert talk.said == texts.clips.ALREADY_DECIDED.format(id="v1")
    talk.press("again:1:1")
    row = talk.rows[1]
    assert (row.status, row.retries, row.order) == (S.QUEUED, 2, None)
    assert talk.last.started == [1]
    assert talk.money == []
    for action in ("again:1:1", "again:1:2", "drop:1"):
        talk.press(action)
        assert talk.said == texts.clips.ALREADY_DECIDED.format(id="v1")
        assert talk.last.started == []


def test_a_rewrite_becomes_the_idea_of_a_new_card() -> None:
    row = clip(status=S.REFUSED, clip=None, rewrites=("a kinder fox", "a calmer fox"))
    talk = Talk(row)
    talk.press("rewrite:1:1")
    assert talk.rows[2].request.idea == "a calmer fox"
    assert talk.rows[2].request.style == "cinematic"
    for action in ("rewrite:1:2", "rewrite:1"):
        talk.press(action)
        assert talk.said == texts.clips.STALE_BUTTON


def test_small_buttons() -> None:
    talk = Talk(clip())
    talk.press("alter:1")
    assert "What should be different about v1?" in talk.said
    talk.press("wait:1")
    assert "finished already" in talk.said, "there is nothing left to wait for"
    late = Talk(a_generation(status=S.PROCESSING))
    late.press("wait:1")
    assert late.said == texts.clips.WAITING_ON.format(id="v1")
    talk.press("post:1")
    assert talk.said == texts.clips.ALREADY_DECIDED.format(id="v1")
    talk.press("prompt:1", person=BOB)
    assert talk.said.endswith("A fox.")
    talk.press("details:1", person=BOB)
    assert "Seed: 42" in talk.said


def test_a_kept_clip_can_be_posted_once_it_may_be() -> None:
    talk = Talk(clip(status=S.UNDELIVERABLE, delivery={"message": "5"}))
    talk.press("post:1")
    assert talk.rows[1].status is S.DELIVERING
    assert talk.rows[1].delivery == {"message": "5"}, "or the clip would be posted twice"
    assert talk.last.started == [1]


def test_an_admin_decides_for_everybody() -> None:
    talk = Talk(a_generation(), terms=Terms(admins=frozenset({BOB.id})))
    talk.press("make:1:1", person=BOB)
    assert talk.rows[1].status is S.QUEUED
    assert talk.last.entries[0].person_id == ANN.id


# --- edits -----------------------------------------------------------------------------------------------------------


def edit(talk: Talk, text: str, changes: Mapping[str, Any], *, person: Person = ANN, message: str = "m1") -> None:
    """The message is edited, and its new text is read as these changes."""
    correction = correction_of(talk.scene, message, text)
    assert correction is not None
    steps = (Step(intent=Intent.CREATE, changes=changes), Step(intent=Intent.HELP, changes={"mood": "x"}))
    talk.turn(lambda response: apply_correction(response, correction, Reading(steps=steps)), person=person)


def test_an_edit_takes_the_place_of_what_the_message_said() -> None:
    talk = Talk(
        a_generation(
            said=(
                Said(message_id="m1", changes={"idea": "a fox", "style": "drawn"}),
                Said(message_id="m2", changes={"setting": "at home"}),
                Said(message_id="", changes={"duration_s": 4}),
            )
        )
    )
    edit(talk, "a wolf", {"idea": "a wolf"})
    assert talk.rows[1].request == VideoRequest(idea="a wolf", setting="at home", duration_s=4)
    edit(talk, "in a wood", {"idea": "in a wood"}, message="m2")
    assert talk.rows[1].request == VideoRequest(idea="a wolf", setting="in a wood", duration_s=4)
    assert talk.posts[-1].kind is PostKind.QUESTION


def test_an_edit_of_what_is_ordered_changes_nothing() -> None:
    talk = Talk(a_generation(status=S.PROCESSING))
    edit(talk, "a wolf", {"idea": "a wolf"})
    assert talk.said == texts.talk.ALREADY_UNDER_WAY.format(id="v1")
    talk = Talk(clip())
    edit(talk, "a wolf", {"idea": "a wolf"})
    assert talk.posts == []
    assert talk.last.changed == ()


def test_somebody_elses_edit_does_not_count() -> None:
    talk = Talk(a_generation())
    edit(talk, "a wolf", {"idea": "a wolf"}, person=BOB)
    assert talk.last.changed == ()


def test_an_edit_of_what_was_never_heard_is_about_nothing() -> None:
    assert correction_of(Talk(a_generation()).scene, "m77", "x") is None
    found = correction_of(Talk(a_generation(2, said=()), a_generation(1)).scene, "m1", "x")
    assert found is not None
    assert found.generation.id == 1


def test_one_of_several_messages_that_were_read_together_is_edited() -> None:
    together = (("m1", "a fox"), ("m2", ""), ("m3", "in the snow"))
    said = (
        Said(message_id="m1", changes={"idea": "a fox in the snow"}, heard=together),
        Said(message_id="m4", changes={"style": "drawn", "mood": "calm"}),
    )
    talk = Talk(a_generation(said=said))
    correction = correction_of(talk.scene, "m3", "at sea")
    assert correction is not None
    assert correction.text == "a fox\nat sea"
    assert correction.before(talk.scene).generations == ()
    edit(talk, "at sea", {"idea": "a fox at sea"}, message="m3")
    assert talk.rows[1].request == VideoRequest(idea="a fox at sea", style="drawn", mood="calm")
    again = correction_of(talk.scene, "m1", "a wolf")
    assert again is not None
    assert again.text == "a wolf\nat sea"


def test_a_later_message_is_read_again_as_things_stood_then() -> None:
    said = (
        Said(message_id="m1", changes={"idea": "a fox"}),
        Said(message_id="m2", changes={"style": "drawn", "mood": "calm"}),
        Said(message_id="m3", changes={"duration_s": 4}),
    )
    talk = Talk(a_generation(said=said))
    correction = correction_of(talk.scene, "m2", "noir")
    assert correction is not None
    (earlier,) = correction.before(talk.scene).generations
    assert earlier.request == VideoRequest(idea="a fox")


# --- conversations ---------------------------------------------------------------------------------------------------


def test_a_thread_belongs_to_everybody_and_a_chat_to_each() -> None:
    assert owner_of(HERE, ANN.id) == ANN.id
    assert owner_of(ConversationKey(platform="fake", chat="1", thread="t"), ANN.id) == ""


def test_the_last_lines_are_remembered_and_no_more() -> None:
    conversation = fresh_conversation("c1", HERE, ANN.id, "de", NOW)
    posts = (
        Post(key=HERE, text="x" * 500, heading="v1"),
        Post(key=HERE, text="quiet", quiet=True),
        Post(key=HERE, text="status", kind=PostKind.STATUS),
        Post(key=HERE, text="plain"),
    )
    later = NOW + timedelta(seconds=1)
    conversation = remembered(conversation, speaker="person", text="y" * 500, posts=posts, now=later)
    assert [line.speaker for line in conversation.history] == ["person", "bot", "bot"]
    assert all(len(line.text) <= MAX_LINE for line in conversation.history)
    assert conversation.history[1].text.startswith("v1\nxxx")
    assert conversation.updated_at == later
    for _ in range(30):
        conversation = remembered(conversation, speaker="other", text="", posts=posts[3:], now=later)
    assert len(conversation.history) == MAX_HISTORY
    assert {line.text for line in conversation.history} == {"plain"}


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("a fox", "a fox"),
        ("  a\n fox ", "a fox"),
        ("a red fox trotting through fresh snow at sunrise", "a red fox trotting through fresh snow…"),
        ("x" * 40, "x" * 40),
    ],
)
def test_a_title_is_cut_between_words(text: str, title: str) -> None:
    assert titled(text) == title


def test_other_conversations_are_listed_and_one_is_chosen() -> None:
    talk = Talk()
    talk.turn(lambda response: list_conversations(response, [talk.conversation]))
    assert talk.said == texts.talk.NO_CHATS
    others = [replace(talk.conversation, id=f"c{number}") for number in range(2, 13)]
    others[0] = replace(others[0], title="A fox")
    others[1] = replace(others[1], title="A cat")
    talk.turn(lambda response: list_conversations(response, [talk.conversation, *others]))
    labels = [button.label for button in buttons_of(talk.posts[0])]
    assert labels == ["A fox", "A cat"], "the ones in which nothing was wished are left out"
    assert talk.button("A fox").action == "chat:c2"
    talk.turn(lambda response: apply_switch(response, None))
    assert talk.said == texts.clips.STALE_BUTTON
    assert talk.conversation.current
    talk.turn(lambda response: apply_switch(response, talk.conversation))
    assert talk.conversation.current
    talk.turn(lambda response: apply_switch(response, others[0]))
    assert talk.said == "Back to “A fox”."
    assert not talk.conversation.current
