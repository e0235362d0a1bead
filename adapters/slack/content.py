"""What a Slack message holds: its text, what is forwarded with it, and files. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.slack.fields import Raw, an_id, maybe_list, maybe_text
from adapters.slack.text import harmless, said
from core.messages import Attachment, MediaKind

_PICTURES = frozenset({"image/jpeg", "image/png", "image/webp"})
"""What a video can be made from; other images (drawings, GIFs, a phone's own format) are documents."""
_GONE = frozenset({"tombstone", "hidden_by_limit", "external"})
"""Modes of files whose bytes Slack has no more, keeps back, or never had."""
_REFUSED = frozenset({"access_denied", "file_not_found"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message says and brings."""

    text: str
    """Plain, without the bot's mention; then what is forwarded."""
    mentioned: bool
    """Whether its writer mentions the bot."""
    attachments: tuple[Attachment, ...]


def content_of(message: Raw, bot_user: str) -> Content:
    """The content of a message. A field of it that cannot be understood is as if it were not there."""
    text, mentioned = said(maybe_text(message, "text"), bot_user)
    files = [*maybe_list(message, "files")]
    texts = [text]
    for shared in _forwarded(message):
        texts.append(said(maybe_text(shared, "text"), bot_user)[0])
        files += maybe_list(shared, "files")
    return Content(
        text="\n".join(text for text in texts if text),
        mentioned=mentioned,
        attachments=tuple(attachment_of(file) for file in files),
    )


def fallback_of(message: Raw, bot_user: str) -> str:
    """What other apps say in a message instead of its text."""
    attachments = (part for part in maybe_list(message, "attachments") if isinstance(part, dict))
    texts = (maybe_text(part, "text") or maybe_text(part, "fallback") for part in attachments)
    return "\n".join(text for text in (said(one, bot_user)[0] for one in texts) if text)


def _forwarded(message: Raw) -> Iterator[Raw]:
    """What its writer forwards; the previews that Slack adds to links are not their words."""
    for part in maybe_list(message, "attachments"):
        if isinstance(part, dict) and part.get("is_share") is True:
            yield part


def attachment_of(raw: object) -> Attachment:
    """A file object of events or of files.info. In channels shared with other workspaces events name only its id: then
    its type is empty until it is looked up."""
    if not isinstance(raw, dict) or _is_gone(raw):
        return Attachment(kind=MediaKind.OTHER, ref="")
    try:
        ref = an_id(raw.get("id"))
    except ValueError:
        return Attachment(kind=MediaKind.OTHER, ref="")
    mime_type = maybe_text(raw, "mimetype").lower()
    kind = _kind(maybe_text(raw, "subtype"), mime_type)
    if kind is MediaKind.VOICE:
        # Recorded in Slack, it is announced as a video without pictures.
        mime_type = mime_type.replace("video/", "audio/", 1)
    return Attachment(
        kind=kind,
        ref=ref,
        mime_type=mime_type,
        size_bytes=_count(raw, "size"),
        width=_count(raw, "original_w"),
        height=_count(raw, "original_h"),
        duration_s=_count(raw, "duration_ms") / 1_000,
        file_name=harmless(maybe_text(raw, "name")),
    )


def _is_gone(raw: Raw) -> bool:
    return raw.get("is_external") is True or bool(
        {maybe_text(raw, "mode")} & _GONE or {maybe_text(raw, "file_access")} & _REFUSED
    )


def _kind(subtype: str, mime_type: str) -> MediaKind:
    if subtype == "slack_audio":
        return MediaKind.VOICE
    if mime_type in _PICTURES:
        return MediaKind.PHOTO
    return {"video": MediaKind.VIDEO, "audio": MediaKind.AUDIO}.get(mime_type.partition("/")[0], MediaKind.DOCUMENT)


def _count(raw: Raw, name: str) -> int:
    """A number of something; 0 for what is none. Slack writes sizes of pictures as texts in places."""
    value = raw.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if type(value) is int and 0 <= value < 1 << 53 else 0
