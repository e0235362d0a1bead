"""The form behind "Change…" as a Slack modal, and what comes back from one. Pure.

A field is an input block whose id is the slot. Which form a button has, and what is wrong with what was filled in, is
core's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adapters.slack.rendering import LABEL_LIMIT, Block, clean, plain
from core import texts
from core.forms import Field, FieldKind, Form
from core.messages import ConversationKey

CALLBACK = "form"
"""What a submitted form is known by."""
_TITLE = 24
_MENU = 100
"""Options of one menu."""
_VALUE_LIMIT = 150
"""Characters of an option's value; longer ones are kept with the view and named by a short one."""
_TYPED = 3_000
"""Characters Slack takes in one field."""
_ERROR = 150
_NAMED = "long"
"""In the view's metadata: the long values by field and short name."""


def form_view(form: Form, *, key: ConversationKey, message_id: str) -> Block:
    """The modal; `key` and `message_id` say where the button was pressed, and come back with the values."""
    named: dict[str, dict[str, str]] = {}
    blocks = [_input(field, named) for field in form.fields if field.kind is not FieldKind.CHOICE or field.options]
    about: dict[str, Any] = {"action": form.action, "chat": key.chat, "thread": key.thread, "id": message_id}
    if named:
        about[_NAMED] = named
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": json.dumps(about, ensure_ascii=False, separators=(",", ":")),
        "title": plain(form.title, _TITLE),
        "submit": plain(texts.forms.FORM_SUBMIT, _TITLE),
        "close": plain(texts.forms.FORM_CLOSE, _TITLE),
        "blocks": blocks,
    }


def filled_in(view: object) -> dict[str, str]:
    """What was filled into a submitted modal, by slot: texts, empty ones too, and the values of choices. What does not
    belong to a form is left out; nothing is raised."""
    named = _dict(_metadata(view).get(_NAMED))
    values: dict[str, str] = {}
    for slot, elements in _dict(_dict(_dict(view).get("state")).get("values")).items():
        for element in map(_dict, _dict(elements).values()):
            if element.get("type") == "plain_text_input":
                text = element.get("value")
                values[slot] = clean(text) if isinstance(text, str) else ""
            chosen = _dict(element.get("selected_option")).get("value")
            if isinstance(chosen, str):
                full = _dict(named.get(slot)).get(chosen)
                values[slot] = full if isinstance(full, str) else chosen
    return values


def form_errors(problems: Mapping[str, str]) -> Block:
    """The acknowledgement that keeps the form open and says by each field what is wrong."""
    errors = {slot: texts.spelling.shortened(clean(text), _ERROR) for slot, text in problems.items()}
    return {"response_action": "errors", "errors": errors}


def _input(field: Field, named: dict[str, dict[str, str]]) -> Block:
    choice = field.kind is FieldKind.CHOICE
    return {
        "type": "input",
        "block_id": field.slot,
        "label": plain(field.label, 2_000),
        "optional": not choice and not field.required,
        "element": _menu(field, named) if choice else _typed(field),
    }


def _typed(field: Field) -> Block:
    most = min(field.longest, _TYPED)
    value = clean(field.value)[:most]
    element: Block = {
        "type": "plain_text_input",
        "action_id": field.slot,
        # A line that has become two would lose its break in a field of one line.
        "multiline": field.kind is FieldKind.TEXT or "\n" in value,
        "max_length": most,
    }
    return {**element, "initial_value": value} if value else element


def _menu(field: Field, named: dict[str, dict[str, str]]) -> Block:
    options: dict[str, Block] = {}
    for value, label in field.options[:_MENU]:
        short = value
        if not 0 < len(value) <= _VALUE_LIMIT:
            short = f"option {len(options)}"
            named.setdefault(field.slot, {})[short] = value
        options.setdefault(value, {"text": plain(label, LABEL_LIMIT), "value": short})
    element: Block = {
        "type": "static_select",
        "action_id": field.slot,
        "placeholder": plain(texts.home.CHOOSE, 150),
        "options": list(options.values()),
    }
    return {**element, "initial_option": options[field.value]} if field.value in options else element


def _metadata(view: object) -> Mapping[str, object]:
    text = _dict(view).get("private_metadata")
    try:
        return _dict(json.loads(text)) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}


def _dict(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
