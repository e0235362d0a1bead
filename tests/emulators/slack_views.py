"""Home tabs and modals: the methods that show them, and what people do with them."""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.emulators.slack_actions import elements, filled, initial, is_empty, state_of
from tests.emulators.slack_blocks import SlackInput, check_view, inputs
from tests.emulators.slack_events import event_ts, interaction
from tests.emulators.slack_messages import SlackUser
from tests.emulators.slack_schema import SlackError

if TYPE_CHECKING:
    from tests.emulators.slack_state import ServerState

Params = dict[str, Any]

LARGEST_VIEW = 250_000
MISSING = "Please complete this required field."


async def open_view(state: "ServerState", params: Params) -> dict[str, Any]:
    """views.open"""
    view = _checked(state, params["view"], "modal")
    if "trigger_id" not in params:
        raise SlackError("invalid_arguments", ("[ERROR] missing required field: trigger_id",))
    user = state.exchange(params["trigger_id"])
    shown = _shown(state, view)
    state.modals[user.id] = [shown]
    state.changed()
    return {"view": shown}


async def publish_view(state: "ServerState", params: Params) -> dict[str, Any]:
    """views.publish"""
    view = _checked(state, params["view"], "home")
    user = state.user(params["user_id"])
    before = state.homes.get(user.id)
    if params.get("hash") and before is not None and before["hash"] != params["hash"]:
        raise SlackError("hash_conflict")
    state.homes[user.id] = _shown(state, view, before)
    state.changed()
    return {"view": state.homes[user.id]}


async def update_view(state: "ServerState", params: Params) -> dict[str, Any]:
    """views.update"""
    if not params.get("view_id") and not params.get("external_id"):
        raise SlackError("invalid_arguments", ("[ERROR] missing required field: view_id",))
    for stack in (*state.modals.values(), *([home] for home in state.homes.values())):
        for number, before in enumerate(stack):
            if params.get("view_id") == before["id"] or (
                params.get("external_id") and params["external_id"] == before["external_id"]
            ):
                if params.get("hash") and params["hash"] != before["hash"]:
                    raise SlackError("hash_conflict")
                after = _shown(state, _checked(state, params["view"], before["type"], replaced=before), before)
                stack[number] = after
                for user_id, home in state.homes.items():
                    if home is before:
                        state.homes[user_id] = after
                state.changed()
                return {"view": after}
    raise SlackError("not_found")


async def submit(state: "ServerState", user: SlackUser, values: Mapping[str, str]) -> dict[str, str]:
    """A person fills the open modal and submits it; the errors that it then shows, by label, and {} when it was taken.

    values: by the label of the input: a text, or an option's label; what is not named keeps what it holds

    Raises AssertionError when no modal is open, when there is no such input or option, and when the app does not
    acknowledge in time or answers with what Slack does not know.
    """
    view = top(state, user)
    chosen, errors = _fill(state, view, values)
    if errors:
        return errors  # Slack's own apps do not submit this
    state.chosen[view["id"]] = chosen  # it is still there when the app finds fault with some of it
    payload = interaction(state, "view_submission", user.to_actor()) | {
        "trigger_id": state.trigger(user),
        "view": view | {"state": state_of(view["blocks"], chosen)},
        "response_urls": [],
    }
    attempt = await state.delivery.attempt("interactive", payload)
    if not attempt.acknowledged:
        why = f"HTTP status {attempt.status}" if attempt.status is not None else attempt.failure
        raise AssertionError(f"the modal was not acknowledged: {why}")
    answer = attempt.answer or {"response_action": "close"}
    if not isinstance(answer, dict):
        raise AssertionError(f"a modal's acknowledgement is empty or an object, not {answer!r}")
    return _acted(state, user, view, answer)


async def close(state: "ServerState", user: SlackUser) -> None:
    """A person closes the modal on top; the app is told if it asked for that."""
    view = top(state, user)
    state.modals[user.id].pop()
    state.changed()
    if view["notify_on_close"]:
        payload = interaction(state, "view_closed", user.to_actor()) | {"view": view, "is_cleared": False}
        await state.delivery.attempt("interactive", payload)


async def open_home(state: "ServerState", user: SlackUser, tab: str) -> None:
    """A person opens the app's home, or its messages."""
    event: dict[str, Any] = {"type": "app_home_opened", "user": user.id, "channel": state.direct(user).id, "tab": tab}
    event["event_ts"] = event_ts()
    if tab == "home" and user.id in state.homes:
        event["view"] = state.homes[user.id]
    state.direct(user).tell(event, scope="")


def top(state: "ServerState", user: SlackUser) -> dict[str, Any]:
    """The modal that the person sees. Raises AssertionError."""
    stack = state.modals.get(user.id)
    assert stack, f"{user.name} has no modal open"
    return stack[-1]


def _acted(state: "ServerState", user: SlackUser, view: dict[str, Any], answer: dict[str, Any]) -> dict[str, str]:
    action = answer.get("response_action", "close")
    stack = state.modals.get(user.id, [])
    if action == "errors":
        labels = {one.block_id: one.label for one in inputs(view)}
        unknown = set(answer.get("errors", {})) - set(labels)
        assert answer.get("errors"), "errors without any error: Slack then says that it had trouble connecting"
        assert not unknown, f"errors for blocks that are no inputs here: {', '.join(sorted(unknown))}"
        return {labels[block_id]: str(text) for block_id, text in answer["errors"].items()}
    if action == "clear":
        stack.clear()
    elif action == "close":
        if view in stack:
            stack.remove(view)
    elif action in ("update", "push"):
        try:
            checked = _checked(state, answer.get("view"), "modal", replaced=view if action == "update" else None)
        except SlackError as error:
            raise AssertionError(f"the modal was answered with a wrong view: {error}") from None
        if action == "push":
            assert len(stack) < 3, "Slack stacks three modals at most"
            stack.append(_shown(state, checked) | {"previous_view_id": view["id"], "root_view_id": stack[0]["id"]})
        elif view in stack:
            stack[stack.index(view)] = _shown(state, checked, view)
    else:
        raise AssertionError(f"Slack does not know the response_action {action!r}")
    state.changed()
    return {}


def _fill(
    state: "ServerState", view: dict[str, Any], values: Mapping[str, str]
) -> tuple[dict[tuple[str, str], dict[str, Any]], dict[str, str]]:
    """What the view holds with these values, and what Slack's apps say of those that will not do."""
    there = {one.label: one for one in inputs(view)}
    unknown = set(values) - set(there)
    assert not unknown, f"the modal has no {', '.join(map(repr, unknown))}, only: {', '.join(map(repr, there))}"
    chosen = dict(state.chosen.get(view["id"], {}))
    held = {(block_id, element["action_id"]): element for block_id, element in elements(view["blocks"])}
    errors = {}
    for label, one in there.items():
        key = (one.block_id, one.action_id)
        if label in values:
            chosen[key] = filled(held[key], values[label])
        value = chosen.get(key) or initial(held[key]) or {}
        problem = _problem(one, held[key], value)
        if problem:
            errors[label] = problem
    return chosen, errors


def _problem(one: SlackInput, element: Mapping[str, Any], value: Mapping[str, Any]) -> str:
    if is_empty(value):
        return "" if one.optional else MISSING
    text = value.get("value")
    if not isinstance(text, str):
        return ""
    longest = 3000 if one.max_length is None else one.max_length
    if not one.min_length <= len(text) <= longest:
        return f"It has to have {one.min_length} to {longest} characters."
    if one.kind == "number_input":
        pattern = r"-?\d+(\.\d+)?" if element.get("is_decimal_allowed") else r"-?\d+"
        if not re.fullmatch(pattern, text):
            return "It has to be a number."
        if not float(element.get("min_value", "-inf")) <= float(text) <= float(element.get("max_value", "inf")):
            return "It is out of bounds."
    if one.kind == "url_text_input" and not re.fullmatch(r"https?://\S+", text):
        return "It has to be a link."
    if one.kind == "email_text_input" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        return "It has to be an e-mail address."
    return ""


def _checked(state: "ServerState", view: Any, kind: str, *, replaced: dict[str, Any] | None = None) -> dict[str, Any]:
    """A view of this kind that Slack would take. Raises SlackError."""
    check_view(view)
    if view["type"] != kind:
        raise SlackError("invalid_arguments", (f"[ERROR] must be a {kind} view [json-pointer:/view/type]",))
    if len(json.dumps(view)) > LARGEST_VIEW:
        raise SlackError("view_too_large")
    others = [one for stack in (*state.modals.values(), list(state.homes.values())) for one in stack]
    external = view.get("external_id")
    if external and any(one["external_id"] == external for one in others if replaced is None or one is not replaced):
        raise SlackError("duplicate_external_id")
    checked: dict[str, Any] = view
    return checked


def _shown(state: "ServerState", view: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    """The view as Slack gives it back: with its id, its hash and what was left out."""
    view_id = before["id"] if before is not None else state.new_id("V")
    blocks = state.named(view["blocks"])
    return {
        "id": view_id,
        "team_id": state.team.id,
        "type": view["type"],
        "title": view.get("title"),
        "submit": view.get("submit"),
        "close": view.get("close"),
        "blocks": blocks,
        "private_metadata": view.get("private_metadata", ""),
        "callback_id": view.get("callback_id", ""),
        "state": state_of(blocks, {}) if view["type"] == "modal" else {"values": {}},
        "hash": f"{event_ts()}.{state.random.randrange(16**8):08x}",
        "clear_on_close": view.get("clear_on_close", False),
        "notify_on_close": view.get("notify_on_close", False),
        "root_view_id": before["root_view_id"] if before is not None else view_id,
        "previous_view_id": before["previous_view_id"] if before is not None else None,
        "external_id": view.get("external_id", ""),
        "app_id": state.app_id,
        "app_installed_team_id": state.team.id,
        "bot_id": state.bot.bot_id,
    }
