"""The pure part of the Slack emulator that knows Block Kit: what it allows and forbids, and what people see of it."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulators.slack_blocks import SlackInput, buttons, check_blocks, check_view, inputs, said
from tests.emulators.slack_schema import SlackError

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> Json:
    return {"type": "mrkdwn", "text": text}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain("Go"), **more}


def option(value: str = "a", text: str = "x", **more: Any) -> Json:
    return {"text": plain(text), "value": value, **more}


def menu(**more: Any) -> Json:
    return {"type": "static_select", "options": [option()], **more}


def section(**more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def rich(*elements: Json, kind: str = "rich_text_section", **more: Any) -> Json:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements), **more}]}


def asked(element: Json | None = None, **more: Any) -> Json:
    return {"type": "input", "label": plain("Name"), "element": element or {"type": "plain_text_input"}, **more}


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain("T"), "submit": plain("S"), "blocks": list(blocks), **more}


def feedback(**more: Any) -> Json:
    half = {"text": plain("Good"), "value": "good"}
    return {"type": "feedback_buttons", "positive_button": half, "negative_button": {**half, **more}}


CONFIRM = {"title": plain(), "text": mrkdwn(), "confirm": plain(), "deny": plain()}
IMAGE = {"type": "image", "image_url": "https://x.test/a.png", "alt_text": "A cat"}
VIDEO = {
    "type": "video",
    "video_url": "https://x.test/v",
    "thumbnail_url": "https://x.test/t.png",
    "alt_text": "A cat",
    "title": plain("Cat"),
}
SAID = {"type": "text", "text": "x"}


def faults_of(blocks: Any, surface: Any = "message") -> str:
    with pytest.raises(SlackError) as caught:
        check_blocks(blocks, surface=surface)
    assert caught.value.error == "invalid_blocks"
    return "\n".join(caught.value.messages)


@pytest.mark.parametrize(
    "block",
    [
        section(block_id="b", expand=True, fields=[plain()] * 10, accessory=menu(placeholder=plain())),
        section(accessory=IMAGE),
        {"type": "section", "fields": [mrkdwn("x" * 2000)]},
        section(text=mrkdwn("x" * 3000)),
        actions(*[button(action_id=str(i), value="v" * 2000, style="primary", confirm=CONFIRM) for i in range(25)]),
        actions(button(url="https://x.test"), menu(options=[option(str(i)) for i in range(100)])),
        actions({"type": "overflow", "options": [option(url="https://x.test")]}),
        actions(menu(initial_option=option("b"), options=[option("a"), option("b")])),
        actions({"type": "static_select", "option_groups": [{"label": plain(), "options": [option()]}]}),
        actions({"type": "radio_buttons", "options": [{"text": mrkdwn(), "value": "v"}]}),
        actions({"type": "checkboxes", "options": [option()], "initial_options": [option()]}),
        {"type": "context", "elements": [IMAGE, plain(), mrkdwn()]},
        {
            "type": "context_actions",
            "elements": [feedback(), {"type": "icon_button", "icon": "trash", "text": plain()}],
        },
        {"type": "divider"},
        {"type": "header", "text": plain("x" * 150)},
        {**IMAGE, "title": plain()},
        {"type": "image", "slack_file": {"id": "F1"}, "alt_text": "A cat"},
        {"type": "markdown", "text": "x" * 12_000},
        VIDEO,
        {"type": "file", "source": "remote", "external_id": "F"},
        rich(SAID, {"type": "user", "user_id": "U1", "style": {"bold": True}}, {"type": "emoji", "name": "wave"}),
        rich(SAID, {"type": "link", "url": "https://x.test"}, kind="rich_text_preformatted", border=1),
        rich({"type": "rich_text_section", "elements": [SAID]}, kind="rich_text_list", style="ordered", indent=8),
    ],
    ids=lambda block: block["type"],
)
def test_what_slack_allows_passes(block: Json) -> None:
    check_blocks([block], surface="message")


REFUSED: list[tuple[Json, str]] = [
    ({"type": "sektion"}, "unsupported type: sektion [json-pointer:/blocks/0/type]"),
    ({"text": plain()}, "missing required field: type [json-pointer:/blocks/0]"),
    ({"type": "table", "rows": []}, "unsupported type: table"),
    (asked(), "unsupported type: input"),
    ({"type": "divider", "color": "red"}, "invalid additional property: color"),
    ({"type": "divider", "block_id": "x" * 256}, "must be less than 256 characters [json-pointer:/blocks/0/block_id]"),
    ({"type": "section"}, "must define either `text` or `fields`"),
    (section(text=mrkdwn("x" * 3001)), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    (section(text=mrkdwn("")), "must be more than 0 characters"),
    (section(text="x"), "must provide an object [json-pointer:/blocks/0/text]"),
    (section(text={"type": "html", "text": "x"}), "unsupported type: html"),
    (section(text={**mrkdwn(), "emoji": True}), "invalid additional property: emoji"),
    (section(text={**plain(), "verbatim": True}), "invalid additional property: verbatim"),
    (section(text={"type": "plain_text", "text": 3}), "must be a string"),
    (section(fields=[plain()] * 11), "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    (section(fields=[plain("x" * 2001)]), "must be less than 2001 characters"),
    (section(accessory=feedback()), "unsupported type: feedback_buttons"),
    (section(accessory={"type": "plain_text_input"}), "unsupported type: plain_text_input"),
    (section(expand="yes"), "must be a boolean"),
    ({"type": "header", "text": plain("x" * 151)}, "must be less than 151 characters"),
    ({"type": "header", "text": mrkdwn()}, "must be a valid enum value, one of plain_text"),
    (actions(), "no less than 1 items allowed"),
    (actions(*[button(action_id=str(i)) for i in range(26)]), "no more than 25 items allowed"),
    (actions(IMAGE), "unsupported type: image"),
    ({"type": "actions", "elements": {}}, "must provide an array"),
    (actions({**button(), "text": plain("x" * 76)}), "must be less than 76 characters"),
    (actions({**button(), "text": mrkdwn()}), "one of plain_text"),
    (actions({"type": "button"}), "missing required field: text"),
    (actions(button(value="x" * 2001)), "must be less than 2001 characters"),
    (actions(button(action_id="x" * 256)), "must be less than 256 characters"),
    (actions(button(url="https://x.test/" + "x" * 3000)), "must be less than 3001 characters"),
    (actions(button(url="reelbot:open")), "invalid url"),
    (actions(button(style="warning")), "must be a valid enum value, one of primary, danger"),
    (actions(button(accessibility_label="x" * 76)), "must be less than 76 characters"),
    (actions(button(disabled=True)), "invalid additional property: disabled"),
    (actions(button(confirm={**CONFIRM, "title": plain("x" * 101)})), "must be less than 101 characters"),
    (actions(button(confirm={**CONFIRM, "text": plain("x" * 301)})), "must be less than 301 characters"),
    (actions(button(confirm={**CONFIRM, "deny": plain("x" * 31)})), "must be less than 31 characters"),
    (actions(button(confirm={"text": plain()})), "missing required field: title"),
    (actions(button(action_id="a"), button(action_id="a")), "action_id `a` already exists"),
    (actions({"type": "static_select"}), "must define either `options` or `option_groups`"),
    (actions(menu(option_groups=[{"label": plain(), "options": [option()]}])), "must define either `options`"),
    (actions(menu(options=[option(str(i)) for i in range(101)])), "no more than 100 items allowed"),
    (actions(menu(options=[option("x" * 151)])), "must be less than 151 characters"),
    (actions(menu(options=[option(text="x" * 76)])), "must be less than 76 characters"),
    (actions(menu(options=[{"text": mrkdwn(), "value": "a"}])), "one of plain_text"),
    (actions(menu(options=[{"text": plain()}])), "missing required field: value"),
    (actions(menu(options=[option(description=plain("x" * 76))])), "must be less than 76 characters"),
    (actions(menu(options=[option(url="https://x.test")])), "invalid additional property: url"),
    (actions(menu(options=[option(), option(text="y")])), "option values must be unique"),
    (actions(menu(initial_option=option("z"))), "must be one of the options"),
    (actions(menu(placeholder=plain("x" * 151))), "must be less than 151 characters"),
    (actions(menu(focus_on_load=True)), "only allowed in a view"),
    (actions({"type": "overflow", "options": [option(str(i)) for i in range(6)]}), "no more than 5 items allowed"),
    (actions({"type": "radio_buttons", "options": [option(str(i)) for i in range(11)]}), "no more than 10 items"),
    (
        actions({"type": "checkboxes", "options": [option()], "initial_options": [option("z")]}),
        "must be among the options",
    ),
    (
        actions({**menu(), "type": "multi_static_select", "max_selected_items": 0}),
        "must be between 1 and 100",
    ),
    (
        actions(
            menu(options=[option("a"), option("b")], initial_options=[option("a"), option("b")], max_selected_items=1)
            | {"type": "multi_static_select"}
        ),
        "no more than 1 items allowed",
    ),
    (actions({"type": "datepicker", "initial_date": "2026-02-30"}), "has the wrong format"),
    (actions({"type": "timepicker", "initial_time": "9:30"}), "has the wrong format"),
    (actions({"type": "conversations_select", "filter": {}}), "must define at least one field"),
    (actions({"type": "conversations_select", "filter": {"include": ["dm"]}}), "must be a valid enum value"),
    ({"type": "context", "elements": [plain()] * 11}, "no more than 10 items allowed"),
    ({"type": "context", "elements": [button()]}, "unsupported type: button"),
    ({"type": "context_actions", "elements": [feedback(action_id=str(i)) for i in range(6)]}, "no more than 5 items"),
    ({"type": "context_actions", "elements": [button()]}, "unsupported type: button"),
    ({"type": "context_actions", "elements": [feedback(value="x" * 2001)]}, "must be less than 2001 characters"),
    ({"type": "context_actions", "elements": [feedback(style="danger")]}, "invalid additional property: style"),
    (
        {"type": "context_actions", "elements": [{"type": "icon_button", "icon": "star", "text": plain()}]},
        "one of trash",
    ),
    ({**IMAGE, "image_url": "ftp://x.test"}, "invalid url"),
    ({**IMAGE, "alt_text": ""}, "must be more than 0 characters"),
    ({**IMAGE, "slack_file": {"id": "F1"}}, "must define either `image_url` or `slack_file`"),
    ({"type": "image", "slack_file": {}, "alt_text": "A"}, "must define either `id` or `url`"),
    ({**IMAGE, "title": plain("x" * 2001)}, "must be less than 2001 characters"),
    ({"type": "markdown", "text": "x" * 12_001}, "must be less than 12001 characters"),
    ({**VIDEO, "video_url": "http://x.test/v"}, "invalid url [json-pointer:/blocks/0/video_url]"),
    ({**VIDEO, "title": plain("x" * 200)}, "must be less than 200 characters"),
    ({**VIDEO, "author_name": "x" * 50}, "must be less than 50 characters"),
    ({"type": "file", "source": "local", "external_id": "F"}, "one of remote"),
    (rich(SAID, kind="rich_text_table"), "unsupported type: rich_text_table"),
    (rich({"type": "user"}), "missing required field: user_id"),
    (rich({"type": "mention", "user_id": "U1"}), "unsupported type: mention"),
    (rich({**SAID, "style": {"big": True}}), "invalid additional property: big"),
    (rich({"type": "broadcast", "range": "all"}), "one of here, channel, everyone"),
    (rich({"type": "user", "user_id": "U1"}, kind="rich_text_preformatted"), "unsupported type: user"),
    (rich(kind="rich_text_list", style="dots"), "one of bullet, ordered"),
    (rich(kind="rich_text_list"), "missing required field: style"),
    (rich(SAID, kind="rich_text_list", style="bullet"), "one of rich_text_section"),
    (rich(kind="rich_text_list", style="bullet", indent=9), "must be between 0 and 8"),
]


@pytest.mark.parametrize(("block", "message"), REFUSED, ids=[f"{i}-{m[:30]}" for i, (_, m) in enumerate(REFUSED)])
def test_what_block_kit_forbids_is_refused(block: Json, message: str) -> None:
    assert message in faults_of([block])


def test_rules_between_the_blocks_of_a_message() -> None:
    assert "block_id `b` already exists" in faults_of([section(block_id="b"), section(block_id="b")])
    assert "action_id `a` already exists" in faults_of([actions(button(action_id="a")), actions(menu(action_id="a"))])
    assert "no more than 50 items allowed [json-pointer:/blocks]" in faults_of([{"type": "divider"}] * 51)
    assert "less than 12001 characters in all" in faults_of([{"type": "markdown", "text": "x" * 7000}] * 2)
    assert "must provide an array" in faults_of({"type": "divider"})
    assert "must provide an object" in faults_of(["divider"])
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        check_blocks([section(text=plain("x" * 3000))] * 5, surface="message")


def test_some_blocks_stand_only_on_some_surfaces() -> None:
    for surface in ("home", "modal"):
        for block in (
            {"type": "context_actions", "elements": [feedback()]},
            {"type": "markdown", "text": "x"},
            {"type": "file", "source": "remote", "external_id": "F"},
        ):
            assert "unsupported type" in faults_of([block], surface)
        check_blocks([asked()] + [{"type": "divider"}] * 99, surface=surface)
        assert "no more than 100 items allowed" in faults_of([{"type": "divider"}] * 101, surface)


VIEWS_REFUSED: list[tuple[Json, str]] = [
    ({"type": "sheet", "blocks": []}, "unsupported type: sheet [json-pointer:/view/type]"),
    ({"type": "modal", "blocks": []}, "missing required field: title [json-pointer:/view]"),
    ({"type": "home"}, "missing required field: blocks [json-pointer:/view]"),
    ({"type": "home", "blocks": [], "title": plain()}, "invalid additional property: title"),
    (modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
    (modal(submit=plain("x" * 25)), "must be less than 25 characters"),
    (modal(close=plain("x" * 25)), "must be less than 25 characters"),
    (modal(close=mrkdwn()), "one of plain_text"),
    (modal(private_metadata="x" * 3001), "must be less than 3001 characters"),
    (modal(callback_id="x" * 256), "must be less than 256 characters"),
    (modal(*[{"type": "divider"}] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
    ({key: value for key, value in modal(asked()).items() if key != "submit"}, "missing required field: submit"),
    (modal(asked(label=plain("x" * 2001))), "must be less than 2001 characters"),
    (modal(asked(hint=plain("x" * 2001))), "must be less than 2001 characters"),
    (modal(asked(button())), "unsupported type: button"),
    (modal(asked(block_id="b"), asked(block_id="b")), "block_id `b` already exists [json-pointer:/view/blocks/1"),
    (modal(asked({"type": "plain_text_input", "max_length": 3001})), "must be between 1 and 3000"),
    (modal(asked({"type": "plain_text_input", "min_length": -1})), "must be between 0 and 3000"),
    (modal(asked({"type": "plain_text_input", "min_length": True})), "must be an integer"),
    (modal(asked({"type": "plain_text_input", "min_length": 9, "max_length": 3})), "must not be more than max_length"),
    (modal(asked({"type": "plain_text_input", "initial_value": "xxxx", "max_length": 3})), "less than 4 characters"),
    (
        modal(asked({"type": "plain_text_input", "dispatch_action_config": {"trigger_actions_on": ["on_blur"]}})),
        "must be a valid enum value",
    ),
    (modal(asked({"type": "number_input"})), "missing required field: is_decimal_allowed"),
    (modal(asked({"type": "number_input", "is_decimal_allowed": True, "min_value": "few"})), "must be a number"),
    (modal(asked({"type": "number_input", "is_decimal_allowed": True, "min_value": "NaN"})), "must be a number"),
    (modal(asked({"type": "number_input", "is_decimal_allowed": False, "max_value": "1.5"})), "must be a whole number"),
    (
        modal(asked({"type": "number_input", "is_decimal_allowed": False, "min_value": "9", "max_value": "1"})),
        "in this order",
    ),
    (modal(*[asked({"type": "plain_text_input", "focus_on_load": True})] * 2), "only one element can have focus"),
    (modal(actions(button(action_id="a"), button(action_id="a"))), "action_id `a` already exists"),
]


@pytest.mark.parametrize(
    ("view", "message"), VIEWS_REFUSED, ids=[f"{i}-{m[:30]}" for i, (_, m) in enumerate(VIEWS_REFUSED)]
)
def test_what_is_forbidden_in_views_is_refused(view: Json, message: str) -> None:
    with pytest.raises(SlackError) as caught:
        check_view(view)
    assert caught.value.error == "invalid_arguments"
    assert message in "\n".join(caught.value.messages)


def test_views_that_slack_allows_pass() -> None:
    check_view({"type": "home", "blocks": [asked()], "private_metadata": ""})
    check_view(modal(asked(menu(action_id="same")), asked(menu(action_id="same")), private_metadata="x" * 3000))
    with pytest.raises(SlackError, match="view_too_large"):
        check_view({"type": "home", "blocks": [section(text=plain("ж" * 3000))] * 50})
    with pytest.raises(SlackError, match="must provide an object"):
        check_view("modal")


def test_said_is_what_a_person_reads() -> None:
    blocks = [
        {"type": "header", "text": plain("Your video")},
        section(
            text=mrkdwn("*12 s* &lt;720p&gt; &amp;c., <https://x.test|terms> <https://y.test>"), accessory=button()
        ),
        section(fields=[plain("&lt;as it is&gt;")]),
        {"type": "context", "elements": [IMAGE, plain("by"), mrkdwn("<@U2>")]},
        rich(
            SAID | {"text": "Hi "},
            {"type": "user", "user_id": "U1"},
            {"type": "text", "text": ", see "},
            {"type": "link", "url": "https://x.test", "text": "this"},
            {"type": "emoji", "name": "wave"},
            {"type": "channel", "channel_id": "C1"},
            {"type": "broadcast", "range": "here"},
        ),
        rich(*[{"type": "rich_text_section", "elements": [SAID]}] * 2, kind="rich_text_list", style="ordered"),
        rich({"type": "date", "timestamp": 1, "format": "{date}", "fallback": "today"}, kind="rich_text_quote"),
        {"type": "markdown", "text": "**bold**"},
        actions(button()),
        {**IMAGE, "title": plain("Poster")},
    ]
    check_blocks(blocks, surface="message")
    assert said(blocks).split("\n") == [
        "Your video",
        "*12 s* <720p> &c., terms https://y.test",
        "x",
        "&lt;as it is&gt;",
        "by <@U2>",
        "Hi <@U1>, see this:wave:<#C1><!here>",
        "1. x",
        "2. x",
        "today",
        "**bold**",
        "Poster",
    ]


def test_a_form_is_read_by_its_labels() -> None:
    assert said([asked(hint=plain("As on your passport"))]) == "Name\nAs on your passport"


def test_buttons_are_in_reading_order_with_menus_and_feedback() -> None:
    blocks = [
        section(block_id="s", accessory={"type": "overflow", "action_id": "o", "options": [option("o1", "More")]}),
        {**actions(button(action_id="go", value="v", style="danger", url="https://x.test")), "block_id": "a"},
        actions(
            {"type": "static_select", "action_id": "m", "option_groups": [{"label": plain(), "options": [option("g")]}]}
        ),
        {"type": "context_actions", "elements": [feedback(text=plain("Bad"), value="bad") | {"action_id": "f"}]},
    ]
    check_blocks(blocks, surface="message")
    found = buttons(blocks)
    assert [(b.kind, b.label, b.value, b.action_id, b.block_id) for b in found] == [
        ("option", "More", "o1", "o", "s"),
        ("button", "Go", "v", "go", "a"),
        ("option", "x", "g", "m", ""),
        ("feedback", "Good", "good", "f", ""),
        ("feedback", "Bad", "bad", "f", ""),
    ]
    assert (found[1].style, found[1].url) == ("danger", "https://x.test")


def test_inputs_of_a_view() -> None:
    several = {"type": "checkboxes", "options": [option("a", "A"), option("b", "B")]}
    view = modal(
        asked({"type": "plain_text_input", "action_id": "t", "initial_value": "hi", "max_length": 9}, block_id="n"),
        section(),
        asked({**several, "initial_options": several["options"]}, optional=True),
        asked({"type": "users_select", "initial_user": "U1"}),
    )
    check_view(view)
    text, boxes, person = inputs(view)
    assert text == SlackInput(
        block_id="n",
        action_id="t",
        label="Name",
        kind="plain_text_input",
        initial=("hi",),
        options=(),
        optional=False,
        min_length=0,
        max_length=9,
    )
    assert (boxes.initial, boxes.options, boxes.optional) == (("a", "b"), (("A", "a"), ("B", "b")), True)
    assert person.initial == ("U1",)


def test_checking_changes_nothing() -> None:
    view = modal(asked(), section(accessory=menu()))
    before = copy.deepcopy(view)
    check_view(view)
    assert view == before


ALLOWED: list[Json] = [
    section(fields=[plain()], accessory=menu(initial_option=option(), placeholder=plain())),
    actions(button(confirm=CONFIRM), {"type": "checkboxes", "options": [option()], "initial_options": [option()]}),
    {"type": "context", "elements": [IMAGE, mrkdwn()]},
    {"type": "context_actions", "elements": [feedback()]},
    rich(SAID, {"type": "date", "timestamp": 1, "format": "{date}"}, {"type": "color", "value": "#aabbcc"}),
    rich({"type": "rich_text_section", "elements": [SAID]}, kind="rich_text_list", style="bullet"),
    VIDEO,
    asked({"type": "number_input", "is_decimal_allowed": True, "min_value": "1", "initial_value": "2"}),
    asked({"type": "datepicker", "initial_date": "2026-02-28"}),
]
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["button", "image", "plain_text"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "a"]), inner),
    max_leaves=6,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container below this one with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(block=st.sampled_from(ALLOWED), place=st.integers(0, 100), anything=ANYTHING)
def test_whatever_is_sent_is_refused_in_words_or_can_be_shown(block: Json, place: int, anything: Any) -> None:
    blocks = [copy.deepcopy(block)]
    container, key = (found := list(places(blocks)))[place % len(found)]
    container[key] = anything
    try:
        check_blocks(blocks, surface="modal" if block["type"] == "input" else "message")
    except SlackError as error:
        assert error.error == "invalid_blocks" and error.messages
    else:
        said(blocks), buttons(blocks), inputs({"blocks": blocks})
