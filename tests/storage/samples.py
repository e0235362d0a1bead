"""Values to save: small ones to vary with `replace`, and one generation with every field filled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from core.conversation import Conversation, Turn
from core.generation import (
    Clip,
    Generation,
    GenerationStatus,
    Order,
    OrderOutcome,
    Plan,
    Question,
    QuestionOption,
    Said,
)
from core.inspection import ClipFacts
from core.messages import Attachment, ConversationKey, MediaKind, Message, Person, Post, Press
from core.money import EntryKind, LedgerEntry, Quote
from core.reading import Utterance
from core.request import MediaRef, Tier, VideoRequest

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KEY = ConversationKey(platform="telegram", chat="-100", thread="7")
ANN = Person(id="telegram:1", name="Ann", language="en")


def later(seconds: float) -> datetime:
    """So many seconds after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def a_message(number: int = 1, *, key: ConversationKey = KEY, **fields: Any) -> Message:
    """A message of Ann's with its own event and id."""
    values = {"event_id": f"e{number}", "id": f"m{number}", "sender": ANN, "sent_at": NOW, "text": f"fox {number}"}
    return Message(key=key, **{**values, **fields})


def a_press(number: int = 1, **fields: Any) -> Press:
    """A tap of Ann's."""
    values = {"event_id": f"p{number}", "id": "m1", "sender": ANN, "sent_at": NOW, "action": "make:1:1"}
    return Press(key=KEY, **{**values, **fields})


def a_conversation(name: str = "c1", **fields: Any) -> Conversation:
    """A new conversation of Ann's."""
    values = {"key": KEY, "owner_id": ANN.id, "created_at": NOW, "updated_at": NOW}
    return Conversation(id=name, **{**values, **fields})


def a_generation(number: int = 1, **fields: Any) -> Generation:
    """A new generation in conversation c1."""
    values = {
        "conversation_id": "c1",
        "key": KEY,
        "requester": ANN,
        "reply_to": "m1",
        "status": GenerationStatus.PENDING_CONFIRMATION,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Generation(id=number, **{**values, **fields})


def a_post(text: str = "Hello", *, key: ConversationKey = KEY, **fields: Any) -> Post:
    """Something to say."""
    return Post(key=key, text=text, **fields)


def a_turn(**fields: Any) -> Turn:
    """Something Ann said in conversation c1, and what followed."""
    values = {"conversation_id": "c1", "received_at": NOW, "at": later(1), "person_id": ANN.id, "text": "fox"}
    return Turn(**{**values, "moves": ("plan",), **fields})


def an_entry(kind: EntryKind, *, amount: int = 560_000, generation_id: int = 1) -> LedgerEntry:
    """A line of the ledger."""
    return LedgerEntry(
        kind=kind,
        amount=amount,
        generation_id=generation_id,
        person_id=ANN.id,
        conversation_id="c1",
        team="T1",
        reason="ordered",
        at=NOW,
    )


def finished(number: int, *, took_s: float, model: str = "animatic-1", **fields: Any) -> Generation:
    """A generation whose clip was finished `took_s` seconds after the order."""
    order = Order(
        key=f"v{number}-1",
        attempt=1,
        provider="animatic",
        model=model,
        sent_at=NOW,
        outcome=OrderOutcome.ACCEPTED,
        operation="op",
    )
    entered = {"submitting": NOW, "downloading": later(took_s)}
    return a_generation(number, status=GenerationStatus.COMPLETED, order=order, entered=entered, **fields)


def full_generation() -> Generation:
    """A generation with every field filled, and text in many scripts."""
    request = VideoRequest(
        idea="лиса \u0000 in the snow 🦊",
        subject="fox",
        setting="forest",
        style="film",
        camera="dolly",
        mood="calm",
        audio="silent",
        words="مرحبا",
        duration_s=8,
        aspect="16:9",
        resolution="1080p",
        tier=Tier.BEST,
        first_frame=MediaRef(name="in/1.jpg", mime_type="image/jpeg"),
        last_frame=MediaRef(name="in/2.jpg", mime_type="image/jpeg"),
        references=(MediaRef(name="in/3.png", mime_type="image/png"),),
        source_clip=MediaRef(name="in/4.mp4", mime_type="video/mp4"),
        avoid="text",
        shots=("one", "two"),
        language="es",
        seed=2**40,
        decided=frozenset({"camera", "mood"}),
    )
    facts = ClipFacts(
        duration_s=8.04,
        width=1920,
        height=1080,
        fps=24.0,
        video_codec="h264",
        audio_codec="aac",
        peak_db=-3.5,
        dark_fraction=0.01,
        frozen_fraction=0.02,
        size_bytes=9_000_000_000,
    )
    return finished(
        41,
        took_s=63.25,
        base=request,
        said=(Said(message_id="m1", changes={"duration_s": 6, "shots": ["a"], "tier": "draft", "x": None}),),
        parent=40,
        language="es",
        summary="Un zorro",
        hurry=True,
        asked=2,
        question=Question(
            slot="aspect",
            text="Which shape?",
            options=(QuestionOption(label="Wide", slot="aspect", value="16:9"),),
            asked_at=NOW,
            number=2,
        ),
        plan=Plan(
            number=3,
            provider="animatic",
            model="animatic-1",
            model_name="Storyboard",
            tier=Tier.DRAFT,
            duration_s=8,
            aspect="16:9",
            resolution="1080p",
            sound=False,
            quote=Quote(
                amount=3_000_000_000, model="animatic-1", duration_s=8, resolution="1080p", valid_until=later(600)
            ),
            expected_s=(60.0, 90.5),
            assumed=("aspect", "camera"),
            draft_price=180_000,
        ),
        prompt="A fox walks.",
        clip=Clip(name="v41/clip.mp4", poster="v41/poster.jpg", facts=facts, sent="v41/small.mp4"),
        reason="done",
        rewrites=("one", "two"),
        retries=1,
        due_at=later(5),
        cancel_requested=True,
        unstoppable=True,
        told_late=True,
        delivery={"message": "77"},
    )


def full_conversation() -> Conversation:
    """A conversation with every field filled."""
    history = (Utterance(speaker="person", text="fox"), Utterance(speaker="bot", text="ok"))
    return a_conversation(title="Fox", history=history, language="es")


def full_message() -> Message:
    """A message with every field filled."""
    photo = Attachment(
        kind=MediaKind.PHOTO,
        ref="file",
        mime_type="image/jpeg",
        size_bytes=1,
        width=2,
        height=3,
        duration_s=0.5,
        file_name="a.jpg",
    )
    return a_message(
        text="x", private=False, addressed=False, command="video", reply_to="m0", attachments=(photo,), edited=True
    )
