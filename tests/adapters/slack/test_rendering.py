"""How posts, clips, forms and the page about one person look on Slack, checked against Block Kit's rules."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.slack.home import home_view
from adapters.slack.modal import filled_in, form_errors, form_view
from adapters.slack.rendering import (
    FALLBACK_LIMIT,
    PART_LIMIT,
    Shown,
    button_element,
    clean,
    delivery_blocks,
    rendered,
    rendered_line,
)
from core import cards, endings, texts
from core.actions import action
from core.catalogue import load_catalogue
from core.forms import ANY, Form, change_form, filled, problems
from core.generation import Generation, GenerationStatus
from core.messages import Button, ConversationKey, Delivery, Person, Post, PostKind, Rows
from core.overview import Entry, Overview
from core.planning import Terms
from core.request import SILENT, VideoRequest
from tests.emulators.slack_actions import filled as put_in
from tests.emulators.slack_actions import state_of
from tests.emulators.slack_blocks import SlackButton, buttons, check_blocks, check_view, inputs, said
from tests.storage.samples import NOW, a_generation, finished, full_generation

KEY = ConversationKey(platform="slack", chat="T0REEL/C1", thread="1700000000.000100")
ANN = Person(id="slack:U1", name="<@U1>", team="T0REEL")
CALM = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MODELS = load_catalogue().video
NASTY = (
    "*bold* _it_ ~no~ `code` ```pre``` > quote <!here> <!channel> <#C1|x> <https://evil.example|bank> @here :smile: "
    "&amp; <@U1 <@u1>"
)
ARABIC = "مرحبا، ثعلب أحمر في الثلج \u202e tricky \u202c <@U1> 🦊"


def post(text: str = "Hello", **fields: Any) -> Post:
    return Post(key=KEY, text=text, **fields)


def checked(shown: Shown) -> Shown:
    """The same, once Slack would take it."""
    check_blocks(shown.blocks, surface="message")
    assert 0 < len(shown.text) <= FALLBACK_LIMIT
    json.dumps(shown.blocks, ensure_ascii=False).encode()
    return shown


def single(given: Post) -> Shown:
    (shown,) = rendered(given)
    assert rendered_line(given) == shown
    return checked(shown)


def labels(shown: Shown) -> list[str]:
    return [button.label for button in buttons(shown.blocks)]


def elements(shown: Shown) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shown.blocks[0]["elements"][0]["elements"]
    return found


# --- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PostKind)
@pytest.mark.parametrize("text", ["Hello", "", "  \n ", NASTY, ARABIC, "🦊" * 200, "\x00\x07\ud800", "a\r\nb\rc"])
@pytest.mark.parametrize("heading", ["", "v1 · A *fox*", NASTY])
def test_every_post_is_taken(kind: PostKind, text: str, heading: str) -> None:
    for progress in (None, 0.4):
        single(
            post(text, kind=kind, heading=heading, progress=progress, buttons=((Button(label="Yes", action="yes:1"),),))
        )


def test_nothing_that_was_written_is_markup() -> None:
    shown = single(post(NASTY, heading="*v1*"))
    assert said(shown.blocks) == f"*v1*\n{NASTY}"
    assert {element["type"] for element in elements(shown)} == {"text", "link"}
    assert shown.text == html.escape(f"*v1*\n{NASTY}", quote=False)
    assert elements(shown)[0]["style"] == {"bold": True}
    assert not any("style" in element for element in elements(shown)[1:])


def test_a_mention_is_one_wherever_it_stands() -> None:
    shown = single(post("Hi <@U1>, and <@W22>", heading="<@U1> asked"))
    assert [element["user_id"] for element in elements(shown) if element["type"] == "user"] == ["U1", "U1", "W22"]
    assert shown.text == "<@U1> asked\nHi <@U1>, and <@W22>"


def test_a_link_ends_before_the_sentence_does() -> None:
    shown = single(
        post("See https://example.org/a?b=1&c=2. Or (http://b.example), not ftp://c, https:// or https://[x")
    )
    assert [element["url"] for element in elements(shown) if element["type"] == "link"] == [
        "https://example.org/a?b=1&c=2",
        "http://b.example",
    ]


def test_a_text_full_of_mentions_and_links_stays_small() -> None:
    shown = single(post("<@U1> https://a.example " * 300))
    assert len(json.dumps(shown.blocks)) < 13_000
    assert said(shown.blocks) == ("<@U1> https://a.example " * 300).strip()


def test_what_is_empty_is_shown_as_an_ellipsis() -> None:
    shown = single(post(""))
    assert (shown.text, said(shown.blocks)) == ("…", "…")
    assert said(single(post("", heading="only")).blocks) == "only"


def test_progress_is_a_bar() -> None:
    assert said(single(post("Filming", kind=PostKind.STATUS, progress=0.4)).blocks) == "Filming\n▰▰▰▰▱▱▱▱▱▱ 40%"
    assert said(single(post("", progress=7.0)).blocks).endswith("▰ 100%")
    assert said(single(post("", progress=-1.0)).blocks).endswith("▱ 0%")


def test_a_very_long_text_becomes_several_messages_and_an_edit_one() -> None:
    words = "word " * 1_500
    long = post("\n\n".join([words.strip()] * 3), heading="Title", buttons=((Button(label="Yes", action="yes:1"),),))
    parts = [checked(part) for part in rendered(long)]
    assert len(parts) == 3
    assert sum(said(part.blocks).count("word") for part in parts) == 4_500
    assert [labels(part) for part in parts] == [[], [], ["Yes"]]
    assert said(parts[0].blocks).startswith("Title\nword") and "Title" not in said(parts[1].blocks)
    line = checked(rendered_line(long))
    assert said(line.blocks).endswith("…") and len(said(line.blocks)) <= PART_LIMIT + len("Title\n")
    assert labels(line) == ["Yes"]


def test_a_text_without_gaps_is_cut_anywhere() -> None:
    parts = [checked(part) for part in rendered(post("x" * 20_000))]
    assert "".join(said(part.blocks) for part in parts) == "x" * 20_000


@pytest.mark.parametrize("text", ["лиса " * 3_000, "&<>" * 3_000, "🦊" * 5_000])
def test_a_message_is_small_whatever_slack_counts(text: str) -> None:
    parts = [checked(part) for part in rendered(post(text))]
    assert "".join(said(part.blocks) for part in parts).replace(" ", "") == text.replace(" ", "")
    for shown in (*parts, checked(rendered_line(post(text)))):
        assert len(html.escape(json.dumps(shown.blocks, ensure_ascii=False), quote=False).encode()) < 12_000


def test_many_options_leave_less_room_for_the_text() -> None:
    rows = tuple((Button(label="x" * 75, action=f"chat:{number}"),) for number in range(60))
    parts = [checked(part) for part in rendered(post("word " * 1_700, buttons=rows))]
    assert sum(said(part.blocks).count("word") for part in parts) == 1_700
    assert len(buttons(parts[-1].blocks)) == 60
    checked(rendered_line(post("word " * 1_700, buttons=rows)))


def test_the_plain_line_is_never_cut_inside_an_escape() -> None:
    shown = single(post("&" * 1_700))
    assert shown.text == "&amp;" * 599 + "…"
    assert single(post("x" * 2_990 + "<@U123456789>")).text.endswith("x…")


@CALM
@given(
    text=st.text(max_size=400) | st.text(alphabet="<@U1>&|!# \nhttps://a.", max_size=200),
    heading=st.text(max_size=300),
    label=st.text(max_size=100),
)
def test_whatever_is_written_slack_takes_it_and_shows_it(text: str, heading: str, label: str) -> None:
    shown = single(post(text, heading=heading, buttons=((Button(label=label, action="yes:1"),),)))
    expected = "\n".join(part for part in (" ".join(clean(heading).split())[:256], clean(text).strip()) if part)
    if len(heading) <= 256 and shown.text != "…":
        assert said(shown.blocks) == expected


# --- buttons ---------------------------------------------------------------------------------------------------------


def test_buttons_stand_in_their_rows() -> None:
    rows = (
        (Button(label="Make it · $0.56", action="make:1:1"), Button(label="Draft", action="draft:1:1")),
        (),
        (Button(label="Site", url="https://example.org/x"),),
    )
    card = single(post(kind=PostKind.CARD, buttons=rows))
    assert [block["type"] for block in card.blocks] == ["rich_text", "actions", "actions"]
    shown = buttons(card.blocks)
    assert [(one.label, one.value, one.url, one.style) for one in shown] == [
        ("Make it · $0.56", "make:1:1", "", "primary"),
        ("Draft", "draft:1:1", "", ""),
        ("Site", "", "https://example.org/x", ""),
    ]
    assert len({one.action_id for one in shown}) == 3
    assert {one.style for one in buttons(single(post(buttons=rows)).blocks)} == {""}


def test_deleting_for_good_is_dangerous() -> None:
    row = (
        Button(label=texts.buttons.DELETE_FOR_GOOD, action=action("erase", 1)),
        Button(label=texts.buttons.KEEP, action="keep:1"),
    )
    assert [one.style for one in buttons(single(post(kind=PostKind.CARD, buttons=(row,))).blocks)] == ["danger", ""]


def test_many_rows_of_one_button_become_a_menu() -> None:
    rows: Rows = tuple((Button(label=f"Chat {number}", action=f"chat:{number}"),) for number in range(8))
    shown = single(
        post(buttons=(*rows, (Button(label="Older", action="page:1"), Button(label="Newer", action="page:0"))))
    )
    found = buttons(shown.blocks)
    assert [(one.kind, one.value) for one in found[:8]] == [("option", f"chat:{number}") for number in range(8)]
    assert [(one.kind, one.label) for one in found[8:]] == [("button", "Older"), ("button", "Newer")]
    (menu,) = shown.blocks[1]["elements"]
    assert menu["placeholder"]["text"] == texts.home.CHOOSE
    assert [one.kind for one in buttons(single(post(buttons=rows[:5])).blocks)] == ["button"] * 5
    assert len(buttons(single(post(buttons=(*rows, rows[0]))).blocks)) == 8


@pytest.mark.parametrize(("rows", "columns"), [(1, 60), (40, 2), (250, 1), (400, 3)])
def test_very_many_buttons(rows: int, columns: int) -> None:
    given = tuple(
        tuple(Button(label=f"{row}.{column}", action=f"opt:{row}:{column}") for column in range(columns))
        for row in range(rows)
    )
    shown = single(post(buttons=given))
    assert [one.value for one in buttons(shown.blocks)] == [button.action for row in given for button in row]


def test_a_link_that_is_no_address_of_the_web_is_shown_as_text() -> None:
    shown = single(post("Look", buttons=((Button(label="File", url="ftp://a/b"), Button(label="Ok", action="ok:1")),)))
    assert said(shown.blocks) == "Look\nFile: ftp://a/b" and labels(shown) == ["Ok"]
    long = single(post(buttons=((Button(label="Long", url=f"https://a.example/{'x' * 3_000}"),),)))
    assert labels(long) == [] and "Long: https://a.example/xxx" in said(long.blocks)


@pytest.mark.parametrize(
    "button",
    [Button(label="x"), Button(label="x", action="a", url="https://a.example"), Button(label="x", action="a" * 151)],
)
def test_a_button_that_cannot_be_is_a_mistake_of_ours(button: Button) -> None:
    with pytest.raises(ValueError):
        rendered(post(buttons=((button,),)))
    with pytest.raises(ValueError):
        rendered(post(buttons=((button,),) * 6))


def test_labels_are_short_and_never_empty() -> None:
    assert button_element(Button(label="\n ", action="a"), action_id="x")["text"]["text"] == "…"
    assert len(button_element(Button(label="x" * 99, action="a"), action_id="x")["text"]["text"]) == 75


# --- what the core really says ----------------------------------------------------------------------------------------


def ordered(**fields: Any) -> Generation:
    return replace(full_generation(), key=KEY, requester=ANN, **fields)


def test_cores_own_posts_are_taken() -> None:
    generation = ordered(cancel_requested=False)
    asked = single(cards.question_post(generation, "m1"))
    assert labels(asked) == ["Wide", texts.buttons.YOU_DECIDE]
    card = single(cards.card_post(generation, Terms(budget="Marketing"), NOW, ""))
    assert [button.style for button in buttons(card.blocks)] == ["primary", "", "", "", ""]
    assert said(card.blocks).startswith("v41 · Un zorro\nSetting: forest")
    for shown in (
        cards.answered_question(generation, {"aspect": "16:9"}),
        cards.lapsed_question(generation),
        cards.expired_card(generation),
        cards.status_post(generation, "v41 · Filming", done=0.3),
        cards.ended_status(generation),
    ):
        single(shown)


def delivery(**fields: Any) -> Delivery:
    values: dict[str, Any] = {
        "key": KEY,
        "generation": "v41",
        "announcement": "ready",
        "caption": "v41 · A *fox*\n8 s",
        "buttons": endings.delivered_buttons(ordered(), "https://clips.example/v41"),
        "feedback": endings.feedback_buttons(ordered()),
        "reply_to": "",
        "clip": "clip.mp4",
        "poster": "poster.jpg",
        "file_name": "v41.mp4",
        "width": 1280,
        "height": 720,
        "duration_s": 8.0,
        "size_bytes": 5,
        "requester": ANN,
    }
    return Delivery(**{**values, **fields})


def test_a_clip_comes_with_its_words_buttons_and_feedback() -> None:
    shown = checked(delivery_blocks(delivery()))
    assert said(shown.blocks) == "<@U1> v41 · A *fox*\n8 s" == shown.text
    found = {button.label: button for button in buttons(shown.blocks)}
    assert found[texts.buttons.ORIGINAL_FILE].url == "https://clips.example/v41"
    assert found[texts.buttons.DELETE].value == "delete:41"
    assert (found[texts.buttons.GOOD].kind, found[texts.buttons.GOOD].value) == ("feedback", "rate:41:1")
    assert found[texts.buttons.NOT_GOOD].value == "rate:41:0"
    assert shown.blocks[-1]["type"] == "context_actions"


def test_a_clip_with_less() -> None:
    bare = checked(delivery_blocks(delivery(buttons=(), feedback=(), caption="", requester=replace(ANN, id="slack:?"))))
    assert said(bare.blocks) == "…" and len(bare.blocks) == 1
    long = checked(delivery_blocks(delivery(caption=NASTY * 200)))
    assert said(long.blocks).endswith("…")


# --- the form --------------------------------------------------------------------------------------------------------


def submitted(view: dict[str, Any], changes: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """The view as Slack sends it back: what it held at first, and what was typed or chosen instead, by slot."""
    chosen = {
        (block["block_id"], block["element"]["action_id"]): put_in(block["element"], changes[block["block_id"]])
        for block in view["blocks"]
        if block["block_id"] in changes
    }
    return {**json.loads(json.dumps(view)), "state": state_of(view["blocks"], chosen)}


def a_form(request: VideoRequest, **fields: Any) -> Form:
    generation = a_generation(12, base=request, key=KEY, requester=ANN, **fields)
    return change_form(generation, MODELS, action=action("change", 12))


REQUESTS = [
    VideoRequest(),
    VideoRequest(idea=NASTY, style=ARABIC, words="One\nTwo", audio="rain", duration_s=8, aspect="16:9"),
    VideoRequest(idea="🦊" * 2_000, words="x" * 300, style="film\tnoir", audio=SILENT),
    VideoRequest(idea="fox", audio='"Привет", 🦊' * 30, resolution="9999p", aspect="3:2", duration_s=99),
    replace(full_generation().base, idea="лиса in the snow 🦊"),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_form_is_taken_and_changes_nothing_when_nothing_is_changed(request_: VideoRequest) -> None:
    form = a_form(request_)
    view = form_view(form, key=KEY, message_id="1700000000.000200")
    check_view(view)
    assert view["callback_id"] == "form" and len(view["private_metadata"]) <= 3_000
    about = json.loads(view["private_metadata"])
    assert {name: about[name] for name in ("action", "chat", "thread", "id")} == {
        "action": "change:12",
        "chat": KEY.chat,
        "thread": KEY.thread,
        "id": "1700000000.000200",
    }
    values = filled_in(submitted(view))
    assert set(values) == {field.slot for field in form.fields}
    assert [slot for slot in problems(form, values) if slot != "idea" or form.fields[0].value] == []
    assert filled(form, values) == {}


def test_what_was_filled_in_comes_back() -> None:
    form = a_form(VideoRequest(idea="fox", style="film", audio="rain " * 50))
    view = form_view(form, key=KEY, message_id="")
    fields = {field.block_id: field for field in inputs(view)}
    assert fields["idea"].optional is False and fields["style"].optional is True
    assert fields["duration_s"].initial == (ANY,)
    changes = {"idea": "A <@U2> & \x00fox", "style": "", "duration_s": "8 s", "audio": texts.buttons.NO_SOUND}
    values = filled_in(submitted(view, changes))
    assert filled(form, values) == {
        "idea": "A <@U2> & fox",
        "subject": "",
        "style": "",
        "duration_s": 8,
        "audio": SILENT,
    }


@pytest.mark.parametrize(
    "view",
    [None, 7, [], {}, {"state": None}, {"state": {"values": [1]}}, {"state": {"values": {"a": {"b": 1, "c": {}}}}}]
    + [{"private_metadata": text, "state": {"values": {}}} for text in ("", "x", "[" * 5_000, "[]", 7)],
)
def test_a_view_of_any_shape_is_read(view: object) -> None:
    assert filled_in(view) == {}


def test_choices_that_nobody_made_are_left_out() -> None:
    state = {"values": {"tier": {"tier": {"type": "static_select", "selected_option": None}}}}
    assert filled_in({"state": state}) == {}


def test_a_choice_without_options_is_left_out() -> None:
    form = a_form(VideoRequest(idea="fox"))
    bare = replace(form, fields=tuple(replace(field, options=()) for field in form.fields))
    view = form_view(bare, key=KEY, message_id="")
    check_view(view)
    assert [field.block_id for field in inputs(view)] == ["idea", "style", "words"]


def test_what_is_wrong_is_said_by_the_field() -> None:
    form = a_form(VideoRequest(idea="fox"))
    wrong = problems(form, {"idea": " ", "tier": "royal", "style": "x" * 301})
    assert form_errors(wrong) == {"response_action": "errors", "errors": dict(wrong)}
    assert set(wrong) == {"idea", "tier", "style"}


# --- the page about one person ----------------------------------------------------------------------------------------


def entries(*generations: Generation) -> tuple[Entry, ...]:
    return tuple(Entry(generation=one, text=texts.talk.list_line(one)) for one in generations)


def test_an_empty_page_says_how_to_begin() -> None:
    view = home_view(Overview(), links={})
    check_view(view)
    assert said(view["blocks"]) == "\n".join([texts.home.HOME_NOTHING, texts.home.HOME_BEGIN, texts.home.HOW_TO_BEGIN])


def test_the_page_lists_what_there_is() -> None:
    running = ordered(status=GenerationStatus.PROCESSING, cancel_requested=False)
    stopping = replace(running, id=42, cancel_requested=True)
    status = tuple(
        Entry(
            generation=one, text=texts.working.status(one, now=NOW + timedelta(seconds=9), position=0, waits_until=None)
        )
        for one in (running, stopping)
    )
    waiting = a_generation(43, key=KEY, requester=ANN)
    done = [replace(finished(number, took_s=60), clip=ordered().clip, summary=NASTY) for number in (44, 45)]
    view = home_view(
        Overview(
            running=status,
            open=(Entry(generation=waiting, text=texts.talk.open_line(waiting)),),
            videos=entries(*done),
        ),
        links={41: "https://reel.slack.example/41", 45: "https://reel.slack.example/45", 44: "mailto:x"},
    )
    check_view(view)
    lines = said(view["blocks"]).split("\n")
    assert lines[0] == texts.home.HOME_RUNNING and "v42 · Cancelling…" in lines
    assert lines.index(texts.home.HOME_OPEN) + 1 == lines.index("v43 · waits for your tap")
    assert f"v44 · {NASTY} · 8 s" in lines
    assert [(one.label, one.value or one.url) for one in buttons(view["blocks"])] == [
        (texts.home.GO_THERE, "https://reel.slack.example/41"),
        (texts.buttons.CANCEL, "cancel:41"),
        (texts.home.GO_THERE, "https://reel.slack.example/45"),
    ]


def test_a_long_page_stays_within_slacks_limit() -> None:
    many = [ordered(cancel_requested=False), *(a_generation(number) for number in range(100, 200))]
    lists = tuple(Entry(generation=one, text=one.name) for one in many)
    view = home_view(
        Overview(running=lists, open=lists, videos=lists),
        links={one.id: "https://reel.slack.example/x" for one in many},
    )
    check_view(view)


def test_buttons_on_a_page_are_told_apart() -> None:
    row: tuple[SlackButton, ...] = buttons(
        home_view(Overview(running=entries(a_generation(1), a_generation(2))), links={1: "https://a.example"})["blocks"]
    )
    assert len({one.action_id for one in row}) == 3
