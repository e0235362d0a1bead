"""A conversation as text, for failures of tests and for the demo."""

from collections.abc import Iterable

from tests.emulators.slack_messages import SlackMessage, SlackPress, SlackUser


def transcript(
    messages: Iterable[SlackMessage],
    whispers: Iterable[tuple[SlackUser, SlackMessage]],
    presses: Iterable[SlackPress],
) -> str:
    """Each message in its current state with its buttons, and the presses where they happened."""
    lines = [(one.created, _message_lines(one, "")) for one in messages]
    lines += [(one.created, _message_lines(one, user.name)) for user, one in whispers]
    for press in presses:
        on = f" on #{press.message.ts}" if press.message is not None else ""
        lost = "" if press.acknowledged else " -> not acknowledged"
        lines.append((press.created, f"{press.user.name} presses [{press.label}]{on}{lost}"))
    return "\n".join(line for _, line in sorted(lines))


def _message_lines(message: SlackMessage, reader: str) -> str:
    marks = [f"#{message.ts}"]
    if message.thread_ts:
        marks.append(f"in #{message.thread_ts}")
    if reader:
        marks.append(f"only for {reader}")
    if message.edits:
        marks.append(f"edited {len(message.edits)}x")
    if message.deleted:
        marks.append("deleted")
    files = "".join(f"<{one.name}, {one.mimetype}, {one.size} bytes> " for one in message.files)
    lines = [f"{message.user.name} ({' '.join(marks)}): {files}{message.said}"]
    if message.buttons:
        lines.append("    " + " ".join(f"[{button.label}]" for button in message.buttons))
    if message.reactions:
        lines.append(f"    reaction {' '.join(message.reactions)}")
    return "\n".join(lines)
