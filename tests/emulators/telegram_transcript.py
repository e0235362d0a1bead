"""A conversation as text, for failures of tests and for the demo."""

from collections.abc import Iterable

from tests.emulators.telegram_messages import TelegramMessage, TelegramPress


def transcript(messages: Iterable[TelegramMessage], presses: Iterable[TelegramPress]) -> str:
    """Each message in its current state with its buttons, and the presses where they happened."""
    lines: list[tuple[int, str]] = [(one.created, _message_lines(one)) for one in messages]
    for press in presses:
        answer = f" -> {press.answer!r}" if press.answer else ""
        what = f"[{press.label}] on #{press.message.id}{answer}"
        lines.append((press.created, f"{press.user.first_name} presses {what}"))
    return "\n".join(line for _, line in sorted(lines))


def _message_lines(message: TelegramMessage) -> str:
    marks = [f"#{message.id}"]
    if message.thread is not None:
        marks.append(f"in topic {message.thread}")
    if message.reply_to is not None:
        marks.append(f"to #{message.reply_to.id}")
    if message.edits:
        marks.append(f"edited {len(message.edits)}x")
    if message.deleted:
        marks.append("deleted")
    said = message.said
    if message.media is not None:
        media = message.media
        size = f", {media.width}x{media.height}" if media.width else ""
        length = f", {media.duration} s" if media.duration else ""
        said = f"<{media.kind}{size}{length}, {media.size} bytes> {said}"
    elif not said:
        said = f"<{', '.join(message.other)}>"
    lines = [f"{message.sender.first_name} ({' '.join(marks)}): {said}"]
    lines += ["    " + " ".join(f"[{button.text}]" for button in row) for row in message.keyboard]
    if message.reactions:
        lines.append(f"    reaction {' '.join(message.reactions)}")
    return "\n".join(lines)
