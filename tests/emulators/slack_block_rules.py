"""The tables of Block Kit: which fields each block, element and composition object has, and their limits.

A line is `name:type`, with `/N..M` for a limit and `!` when the field is required. A limit counts a text's characters
or an array's items, or bounds an integer; the limit of a text object is its text's. Types: `str`, `bool`, `int`, `url`,
`https`, `one|two` (one of these words) and `=word` (just this one), the name of an object below, `@name` (one of a
union of objects, told apart by `type`), and `[type]` for an array. What is not in these tables is refused, be it that
Slack forbids it or that the emulator does not model it. Where Slack gives no limit of its own, a text has the 3,000
characters of every text object and an id 255. Rules between fields and between blocks are slack_block_relations'.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_ACTION = "action_id:str/1..255"
_CONFIRM = "confirm:confirm"
_FOCUS = "focus_on_load:bool"
_PLACEHOLDER = "placeholder:plain/1..150"
_SELECT = f"{_ACTION} {_CONFIRM} {_FOCUS} {_PLACEHOLDER}"
_TYPED = f"{_ACTION} {_FOCUS} {_PLACEHOLDER} dispatch_action_config:dispatch"
_IMAGE = "image_url:url/1..3000 slack_file:slack_file alt_text:str/1..2000!"
_LISTS = "options:[option]/1..100 option_groups:[option_group]/1..100"
_STYLED = "style:marks"

OBJECTS: Mapping[str, str] = MappingProxyType(
    {
        # Composition objects.
        "plain": "type:=plain_text! text:str/1..3000! emoji:bool",
        "mrkdwn": "type:=mrkdwn! text:str/1..3000! verbatim:bool",
        "confirm": "title:plain/1..100! text:@text/1..300! confirm:plain/1..30! deny:plain/1..30! style:primary|danger",
        "option": "text:plain/1..75! value:str/1..150! description:plain/1..75",
        "overflow_option": "text:plain/1..75! value:str/1..150! description:plain/1..75 url:url/1..3000",
        "marked_option": "text:@text/1..75! value:str/1..150! description:plain/1..75",
        "option_group": "label:plain/1..75! options:[option]/1..100!",
        "dispatch": "trigger_actions_on:[on_enter_pressed|on_character_entered]/1..2",
        "slack_file": "id:str/1..255 url:url/1..3000",
        "filter": "include:[im|mpim|private|public]/1..4 exclude_external_shared_channels:bool exclude_bot_users:bool",
        "feedback": "text:plain/1..75! value:str/1..2000! accessibility_label:str/1..75",
        # Elements.
        "button": f"type:=button! {_ACTION} {_CONFIRM} text:plain/1..75! value:str/1..2000 url:url/1..3000"
        " style:primary|danger accessibility_label:str/1..75",
        "static_select": f"type:=static_select! {_SELECT} {_LISTS} initial_option:option",
        "multi_static_select": f"type:=multi_static_select! {_SELECT} {_LISTS} initial_options:[option]/1..100"
        " max_selected_items:int/1..100",
        "users_select": f"type:=users_select! {_SELECT} initial_user:str/1..255",
        "channels_select": f"type:=channels_select! {_SELECT} initial_channel:str/1..255 response_url_enabled:bool",
        "conversations_select": f"type:=conversations_select! {_SELECT} initial_conversation:str/1..255 filter:filter"
        " default_to_current_conversation:bool response_url_enabled:bool",
        "overflow": f"type:=overflow! {_ACTION} {_CONFIRM} options:[overflow_option]/1..5!",
        "radio_buttons": f"type:=radio_buttons! {_ACTION} {_CONFIRM} {_FOCUS} options:[marked_option]/1..10!"
        " initial_option:marked_option",
        "checkboxes": f"type:=checkboxes! {_ACTION} {_CONFIRM} {_FOCUS} options:[marked_option]/1..10!"
        " initial_options:[marked_option]/1..10",
        "datepicker": f"type:=datepicker! {_SELECT} initial_date:str",
        "timepicker": f"type:=timepicker! {_SELECT} initial_time:str timezone:str",
        "plain_text_input": f"type:=plain_text_input! {_TYPED} initial_value:str/0..3000 multiline:bool"
        " min_length:int/0..3000 max_length:int/1..3000",
        "number_input": f"type:=number_input! {_TYPED} is_decimal_allowed:bool! initial_value:str min_value:str"
        " max_value:str",
        "url_text_input": f"type:=url_text_input! {_TYPED} initial_value:str",
        "email_text_input": f"type:=email_text_input! {_TYPED} initial_value:str",
        "image_element": f"type:=image! {_IMAGE}",
        "feedback_buttons": f"type:=feedback_buttons! {_ACTION} positive_button:feedback! negative_button:feedback!",
        "icon_button": f"type:=icon_button! {_ACTION} {_CONFIRM} icon:=trash! text:plain/1..75! value:str/1..2000"
        " accessibility_label:str/1..75 visible_to_user_ids:[str]/1..1000",
        # Rich text.
        "marks": "bold:bool italic:bool strike:bool code:bool underline:bool",
        "rich_said": f"type:=text! text:str/1..3000! {_STYLED}",
        "rich_link": f"type:=link! url:url/1..3000! text:str/1..3000 unsafe:bool {_STYLED}",
        "rich_user": f"type:=user! user_id:str/1..255! {_STYLED}",
        "rich_usergroup": f"type:=usergroup! usergroup_id:str/1..255! {_STYLED}",
        "rich_channel": f"type:=channel! channel_id:str/1..255! {_STYLED}",
        "rich_emoji": f"type:=emoji! name:str/1..100! unicode:str url:url {_STYLED}",
        "rich_broadcast": f"type:=broadcast! range:here|channel|everyone! {_STYLED}",
        "rich_date": f"type:=date! timestamp:int! format:str/1..3000! url:url fallback:str/1..3000 {_STYLED}",
        "rich_color": f"type:=color! value:str/4..9! {_STYLED}",
        "rich_section": "type:=rich_text_section! elements:[@rich]!",
        "rich_quote": "type:=rich_text_quote! elements:[@rich]! border:int/0..1",
        "rich_preformatted": "type:=rich_text_preformatted! elements:[@rich_code]! border:int/0..1",
        "rich_list": "type:=rich_text_list! elements:[rich_section]/1..1000! style:bullet|ordered! indent:int/0..8"
        " border:int/0..1 offset:int/0..1000000",
        # Blocks.
        "section": "type:=section! text:@text/1..3000 fields:[@text/1..2000]/1..10 accessory:@accessory expand:bool",
        "actions": "type:=actions! elements:[@action]/1..25!",
        "context": "type:=context! elements:[@context]/1..10!",
        "context_actions": "type:=context_actions! elements:[@context_action]/1..5!",
        "divider": "type:=divider!",
        "header": "type:=header! text:plain/1..150!",
        "image": f"type:=image! {_IMAGE} title:plain/1..2000",
        "input": "type:=input! label:plain/1..2000! hint:plain/1..2000 element:@input! optional:bool"
        " dispatch_action:bool",
        "markdown": "type:=markdown! text:str/1..12000!",
        "rich_text": "type:=rich_text! elements:[@rich_block]!",
        "video": "type:=video! video_url:https/1..3000! thumbnail_url:url/1..3000! alt_text:str/1..2000!"
        " title:plain/1..199! title_url:https/1..3000 author_name:str/1..49 provider_name:str/1..255"
        " provider_icon_url:url/1..3000 description:plain/1..199",
        "file": "type:=file! source:=remote! external_id:str/1..255!",
        # Views.
        "modal": "type:=modal! title:plain/1..24! blocks:[@modal]/0..100! submit:plain/1..24 close:plain/1..24"
        " private_metadata:str/0..3000 callback_id:str/0..255 external_id:str/0..255 clear_on_close:bool"
        " notify_on_close:bool",
        "home": "type:=home! blocks:[@home]/0..100! private_metadata:str/0..3000 callback_id:str/0..255"
        " external_id:str/0..255",
    }
)

_MENUS = "static_select multi_static_select users_select channels_select conversations_select"
_CHOICES = f"{_MENUS} radio_buttons checkboxes datepicker timepicker"
_ANYWHERE = "section actions context divider header image rich_text video"
_UNIONS = {
    "text": "plain mrkdwn",
    "accessory": f"button overflow image_element {_CHOICES}",
    "action": f"button overflow {_CHOICES}",
    "context": "image_element plain mrkdwn",
    "context_action": "feedback_buttons icon_button",
    "input": f"plain_text_input number_input url_text_input email_text_input {_CHOICES}",
    "rich": "rich_said rich_link rich_user rich_usergroup rich_channel rich_emoji rich_broadcast rich_date rich_color",
    "rich_code": "rich_said rich_link",
    "rich_block": "rich_section rich_quote rich_preformatted rich_list",
    "message": f"{_ANYWHERE} context_actions markdown file",
    "modal": f"{_ANYWHERE} input",
    "home": f"{_ANYWHERE} input",
    "view": "modal home",
}

BLOCKS = frozenset(f"{_ANYWHERE} context_actions markdown file input".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of an object."""

    name: str
    """As in the JSON."""
    type: str
    """In the words of the tables."""
    limits: tuple[int, int] | None
    """Least and most: characters, items, or the integer itself."""
    required: bool
    """Whether an object without it is refused."""


def typed(entry: str) -> tuple[str, tuple[int, int] | None]:
    """A type of the tables, and the limit behind it: `[@text/1..2000]/1..10` is `[@text/1..2000]` and (1, 10)."""
    found = re.fullmatch(r"(.+?)(?:/(\d+)\.\.(\d+))?", entry)
    assert found is not None, entry
    kind, least, most = found.groups()
    return kind, None if least is None else (int(least), int(most))


def _fields(name: str, line: str) -> Mapping[str, Field]:
    if name in BLOCKS:
        line += " block_id:str/1..255"
    fields = {}
    for entry in line.split():
        key, _, rest = entry.partition(":")
        kind, limits = typed(rest.rstrip("!"))
        fields[key] = Field(name=key, type=kind, limits=limits, required=rest.endswith("!"))
    return MappingProxyType(fields)


FIELDS: Mapping[str, Mapping[str, Field]] = MappingProxyType(
    {name: _fields(name, line) for name, line in OBJECTS.items()}
)
"""The fields of every object by name."""

UNIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        union: MappingProxyType({FIELDS[name]["type"].type.removeprefix("="): name for name in names.split()})
        for union, names in _UNIONS.items()
    }
)
"""By union and `type`: the name of the object."""
