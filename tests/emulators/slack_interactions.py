"""What people do besides writing, as the app is told of it: presses, commands, shortcuts."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tests.emulators.slack_actions import Chosen, action_of, state_of
from tests.emulators.slack_blocks import SlackButton, buttons
from tests.emulators.slack_delivery import Attempt
from tests.emulators.slack_events import event_ts, interaction
from tests.emulators.slack_messages import SlackAnswer, SlackMessage, SlackPress, SlackUser
from tests.emulators.slack_state import COMMAND_SCOPE

if TYPE_CHECKING:
    from tests.emulators.slack_channel import SlackChannel
    from tests.emulators.slack_state import ServerState


def button_in(blocks: Sequence[Mapping[str, Any]], label: str) -> SlackButton:
    """The button, option or half of feedback buttons whose label starts with this, or else contains it, or else whose
    value it is. Raises AssertionError with what there is."""
    there = buttons(blocks)
    for fits in (
        lambda one: one.label.startswith(label),
        lambda one: label in one.label,
        lambda one: one.value == label,
    ):
        for one in there:
            if fits(one):
                return one
    labels = ", ".join(repr(one.label) for one in there) or "none"
    raise AssertionError(f"there is no button {label!r}; there are: {labels}")


def remembered(chosen: dict[tuple[str, str], dict[str, Any]], action: Mapping[str, Any]) -> Chosen:
    """The choices with this action among them, if it was one."""
    if "selected_option" in action and action["type"] != "overflow":
        value = {"type": action["type"], "selected_option": action["selected_option"]}
        chosen[action["block_id"], action["action_id"]] = value
    return chosen


async def press_in_message(
    channel: "SlackChannel", user: SlackUser, message: SlackMessage, action: dict[str, Any], label: str
) -> SlackPress:
    """Tell the app of an action in a message, and wait for the acknowledgement."""
    state = channel.state
    chosen = remembered(message.chosen, action)
    container: dict[str, Any] = {"type": "message", "message_ts": message.ts, "channel_id": channel.id}
    container["is_ephemeral"] = message.ephemeral
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload = interaction(state, "block_actions", user.to_actor()) | {
        "container": container,
        "trigger_id": state.trigger(user),
        "channel": channel.to_reference(),
        "state": state_of(message.blocks, chosen),
        "response_url": state.response_url(user, channel, message),
        "actions": [action],
    }
    if not message.ephemeral:
        payload["message"] = channel.shown(message)
    press = SlackPress(user=user, message=message, label=label, value=value_of(action), created=state.changed())
    channel.presses.append(press)
    press.status = (await state.delivery.attempt("interactive", payload)).status
    return press


async def press_in_view(state: "ServerState", user: SlackUser, view: dict[str, Any], label: str) -> SlackPress:
    """Press something in a home tab or a modal, and wait for the acknowledgement."""
    button = button_in(view["blocks"], label)
    action = action_of(view["blocks"], button)
    chosen = remembered(state.chosen.setdefault(view["id"], {}), action)
    payload = interaction(state, "block_actions", user.to_actor()) | {
        "container": {"type": "view", "view_id": view["id"]},
        "trigger_id": state.trigger(user),
        "view": view | {"state": state_of(view["blocks"], chosen)},
        "actions": [action],
    }
    press = SlackPress(user=user, message=None, label=button.label, value=value_of(action), created=state.changed())
    press.status = (await state.delivery.attempt("interactive", payload)).status
    return press


async def send_command(channel: "SlackChannel", user: SlackUser, command: str, text: str) -> SlackAnswer:
    """Tell the app of a slash command. Raises AssertionError when it is not acknowledged: the person then reads that
    the command failed."""
    state = channel.state
    if COMMAND_SCOPE not in state.limits.scopes:
        raise AssertionError("the app has no slash commands: the scope 'commands' is missing")
    payload = {
        "token": "verification-token-nobody-should-use",
        "team_id": state.team.id,
        "team_domain": state.team.domain,
        "channel_id": channel.id,
        "channel_name": channel.to_reference()["name"],
        "user_id": user.id,
        "user_name": user.to_actor()["name"],
        "command": command,
        "text": text,
        "api_app_id": state.app_id,
        "is_enterprise_install": "false",
        "response_url": state.response_url(user, channel, None),
        "trigger_id": state.trigger(user),
    }
    created = state.changed()
    attempt = await state.delivery.attempt("slash_commands", payload)
    if not attempt.acknowledged:
        raise AssertionError(f"{command} {text} was not acknowledged: {_why(attempt)}\n{channel.transcript()}")
    answer = attempt.answer
    body = {"text": answer} if isinstance(answer, str) else answer if isinstance(answer, dict) else {}
    if body.get("text") or body.get("blocks"):
        channel.answered(user, body, None)
    return SlackAnswer(status=attempt.status, text=str(body.get("text", "")), created=created)


async def send_shortcut(
    channel: "SlackChannel", user: SlackUser, message: SlackMessage, callback_id: str
) -> SlackAnswer:
    """Tell the app that its shortcut was chosen for a message; works where the bot is no member, too."""
    state = channel.state
    payload = interaction(state, "message_action", user.to_actor()) | {
        "callback_id": callback_id,
        "trigger_id": state.trigger(user),
        "message_ts": message.ts,
        "response_url": state.response_url(user, channel, None),
        "message": channel.shown(message),
        "channel": channel.to_reference(),
        "action_ts": event_ts(),
    }
    created = state.changed()
    attempt = await state.delivery.attempt("interactive", payload)
    return SlackAnswer(status=attempt.status, text="", created=created)


def value_of(action: Mapping[str, Any]) -> str:
    """What a press tells the app."""
    if "selected_option" in action:
        return str(action["selected_option"].get("value", ""))
    return str(action.get("value", ""))


def _why(attempt: Attempt) -> str:
    return f"HTTP status {attempt.status}" if attempt.status is not None else attempt.failure
