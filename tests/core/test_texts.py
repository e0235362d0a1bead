"""What people read: lengths, sizes, cards, captions and endings, and what is booked with each ending."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import endings, texts
from core.booking import booked
from core.generation import GenerationStatus as S
from core.generation import Said
from core.inspection import Flaw
from core.money import EntryKind
from core.ports import Obstacle
from core.repositories import Changes
from core.request import MediaRef, VideoRequest
from tests.core.test_generation import NOW, a_clip, a_generation, a_plan

CALM = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (99, "99 s"),
        (100, "2 min"),
        (3540, "59 min"),
        (3599, "1 h"),
        (3900, "1 h 5 min"),
        (7200, "2 h"),
    ],
)
def test_lengths_of_time(seconds: float, words: str) -> None:
    assert texts.spelling.spell_seconds(seconds) == words


def test_expected_times_and_sizes() -> None:
    assert texts.spelling.spell_expected((40, 40)) == "about 40 s"
    assert texts.spelling.spell_expected((40, 120)) == "about 40 s, sometimes 2 min"
    assert [texts.spelling.spell_size(size) for size in (1, 820_000, 999_999, 12_400_000)] == [
        "1 kB",
        "820 kB",
        "1000 kB",
        "12.4 MB",
    ]
    assert texts.spelling.shape("9:16") == "upright 9:16"
    assert texts.spelling.shape("21:9") == "21:9"


def test_the_card_says_what_was_said_and_assumed_and_what_it_costs() -> None:
    picture = MediaRef(name="inputs/a.jpg", mime_type="image/jpeg")
    said = {
        "idea": "a fox",
        "setting": "at home",
        "words": "Hi",
        "avoid": "rain",
        "shots": ["a", "b"],
        "audio": "rain",
    }
    row = a_generation(base=VideoRequest(first_frame=picture), said=(Said(message_id="m", changes=said),))
    plan = a_plan(assumed=("duration_s", "nonsense", "mood"), notes=("Took 8 s.",))
    lines = texts.cards.card(row, plan, now=NOW, budget="Marketing", storyboard=True).splitlines()
    for line in (
        "Setting: at home",
        "Words on screen: Hi",
        "Without: rain",
        "Shots: 2",
        "Begins with your picture",
        "8 s · wide 16:9 · 720p · sound: rain",
        "Storyboard · standard quality",
        "Took 8 s.",
        "I chose: length, mood",
        "Price: $0.56 at most, held for you 1 h",
        "Time: about 8 s, sometimes 20 s",
        "Paid by: Marketing",
    ):
        assert line in lines
    assert "moving storyboard" in lines[-1]


def test_a_card_without_extras() -> None:
    plan = a_plan(amount=0, sound=False)
    text = texts.cards.card(a_generation(), plan, now=NOW, budget="", storyboard=False)
    assert "no sound" in text
    assert "Price: free\n" in text
    assert "I chose" not in text
    assert "Paid by" not in text
    assert "with sound" in texts.cards.card(a_generation(), a_plan(), now=NOW, budget="", storyboard=False)


@CALM
@given(st.text(max_size=3000))
def test_a_caption_is_never_too_long_for_a_platform(summary: str) -> None:
    row = a_generation(status=S.DELIVERING, clip=a_clip(), summary=summary)
    caption = texts.clips.caption(row, took_s=75, smaller=True, muted=True)
    assert len(caption) <= 1024
    assert "$0.56 · made in 75 s" in caption


def test_a_long_title_is_cut_in_the_caption() -> None:
    row = a_generation(status=S.DELIVERING, clip=a_clip(), summary="x" * 500)
    title = texts.clips.caption(row, took_s=75, smaller=False, muted=False).splitlines()[0]
    assert title.startswith("v1 · x")
    assert len(title) <= 170
    assert title.endswith("x…")


def test_details_say_what_is_known() -> None:
    row = a_generation(status=S.COMPLETED, prompt="", clip=None, retries=2)
    row = replace(
        row,
        entered={"queued": NOW, "submitting": NOW + timedelta(seconds=5), "x": NOW + timedelta(seconds=9)},
    )
    text = texts.clips.details(row)
    assert text.splitlines() == [
        "No prompt was written.",
        "Model: Storyboard (animatic-1)",
        "queued: 5 s",
        "submitting: 4 s",
        "Retries: 2",
    ]
    mute = replace(a_clip().facts, audio_codec="")
    text = texts.clips.details(replace(row, prompt="A fox.", seed=3, clip=replace(a_clip(), facts=mute)))
    assert text.startswith("Prompt: A fox.\nSeed: 3\n")
    assert "File: 2.4 MB mp4, 1280×720, 8.00 s, 24 frames/s, h264 / no sound" in text


@pytest.mark.parametrize("status", [S.SUBMITTING, S.PROCESSING, S.DOWNLOADING, S.DELIVERING])
def test_status_says_phase_and_time(status: S) -> None:
    line = texts.working.status(
        a_generation(status=status), now=NOW + timedelta(seconds=5), position=0, waits_until=None
    )
    assert line == f"v1 · {texts.working.PHASES[status]} · 5 s of about 8 s"
    line = texts.working.status(a_generation(status=status, plan=None), now=NOW, position=0, waits_until=None)
    assert line == f"v1 · {texts.working.PHASES[status]} · 0 s"


def test_every_status_every_flaw_and_every_obstacle_has_words() -> None:
    for status in S:
        assert texts.working.finished_line(a_generation(status=status)).startswith("v1 · ")
    assert set(texts.endings.FLAWS) == set(Flaw)
    assert set(texts.places.OBSTACLES) == set(Obstacle)
    assert texts.endings.flawed([Flaw.BLACK, Flaw.SILENT]).count(" and ") == 1


def test_late_without_a_plan_still_says_something() -> None:
    assert "instead of about usual" in texts.working.late(a_generation(plan=None), elapsed_s=20)
    assert "20 s instead of about 8 s" in texts.working.late(a_generation(), elapsed_s=20)


def test_a_refusal_without_a_reason_or_rewrites() -> None:
    assert texts.endings.refused(a_generation()).endswith(texts.endings.NOT_CHARGED)
    assert "1. a cat\n2. a dog" in texts.endings.refused(a_generation(rewrites=("a cat", "a dog"), reason="faces"))


def test_no_sentence_has_a_blank_that_nobody_fills() -> None:
    known = {
        "id",
        "name",
        "button",
        "size",
        "until",
        "limit",
        "seconds",
        "reason",
        "title",
        "longest",
        "length",
        "channel",
    }
    for name, sentence in vars(texts).items():
        if name.isupper() and isinstance(sentence, str):
            blanks = {blank for _, blank, _, _ in string.Formatter().parse(sentence) if blank is not None}
            assert blanks <= known, name


# --- what is booked --------------------------------------------------------------------------------------------------


def kinds(changes: Changes) -> list[EntryKind]:
    return [entry.kind for entry in changes.entries]


@pytest.mark.parametrize(
    ("changes", "status", "money"),
    [
        (endings.failed(a_generation(status=S.PROCESSING), "no", NOW), S.FAILED, [EntryKind.RELEASE]),
        (
            endings.refused(a_generation(status=S.PROCESSING), "no", ("a",), (), NOW),
            S.REFUSED,
            [EntryKind.RELEASE],
        ),
        (endings.cancelled(a_generation(status=S.PROCESSING), NOW), S.CANCELLED, [EntryKind.RELEASE]),
        (endings.cannot_stop(a_generation(status=S.PROCESSING), NOW), S.PROCESSING, []),
        (endings.ambiguous(a_generation(status=S.SUBMITTING), NOW, look_again_at=None), S.AMBIGUOUS, []),
        (endings.late(a_generation(status=S.PROCESSING), 30, NOW), S.PROCESSING, []),
        (endings.completed(a_generation(status=S.DELIVERING), "5", NOW), S.COMPLETED, [EntryKind.CAPTURE]),
        (
            endings.undeliverable(a_generation(status=S.DELIVERING), "no", NOW),
            S.UNDELIVERABLE,
            [EntryKind.RELEASE],
        ),
    ],
)
def test_a_hold_ends_once_in_the_same_save_as_the_words(changes: Changes, status: S, money: list[EntryKind]) -> None:
    (row,) = changes.generations
    assert row.status is status
    assert kinds(changes) == money
    assert all(entry.amount == 560_000 for entry in changes.entries)
    assert changes.posts
    assert changes.conversation_id == "c1"


def test_what_was_released_is_not_released_or_captured_again() -> None:
    row = a_generation(status=S.DELIVERING)
    row = replace(row, entered={**row.entered, S.UNDELIVERABLE.value: NOW})
    assert kinds(endings.undeliverable(row, "no", NOW)) == []
    assert kinds(endings.completed(row, "5", NOW)) == []


def test_a_delivered_clip_can_be_found_by_its_message() -> None:
    (posted,) = endings.completed(a_generation(status=S.DELIVERING), "5", NOW).messages
    assert (posted.message_id, posted.generation_id) == ("5", 1)
    original = endings.delivered_buttons(a_generation(), "https://example.org/v/1")[2][0]
    assert (original.url, original.action) == ("https://example.org/v/1", "")


def test_nothing_is_booked_without_a_price() -> None:
    with pytest.raises(ValueError, match="v1 has no price"):
        booked(a_generation(plan=None), EntryKind.HOLD, "ordered", NOW)


@given(st.text(max_size=4000), st.text(max_size=4000), st.text(max_size=4000))
def test_a_card_keeps_its_price_however_long_the_wish(idea: str, style: str, words: str) -> None:
    said = (Said(message_id="m1", changes={"idea": idea, "style": style, "words": words, "setting": style}),)
    row = a_generation(status=S.PENDING_CONFIRMATION, said=said)
    assert row.plan is not None
    text = texts.spelling.heading(row) + texts.cards.card(row, row.plan, now=NOW, budget="", storyboard=False)
    assert len(text) < 2000
    assert "Price: $0.56" in text
