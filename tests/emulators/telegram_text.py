"""Text as Telegram sees it: lengths in UTF-16 units, entities given, parsed from HTML, or found in the text.

HTML is the only `parse_mode` that is modelled; others are refused. Which message a text belongs to is left to others.
"""

import html
import re
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.telegram_errors import ApiError, bad_request

MESSAGE_LIMIT = 4096
CAPTION_LIMIT = 1024

Entity = dict[str, Any]

_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
    "span": "spoiler", "a": "text_link", "code": "code", "pre": "pre", "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}  # fmt: skip
_GIVEN = {
    *_TAGS.values(),
    "mention",
    "hashtag",
    "cashtag",
    "bot_command",
    "url",
    "email",
    "phone_number",
    "expandable_blockquote",
    "text_mention",
}
_NAMED = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"'}
_TOKEN = re.compile(r"<[^>]*>?|&(?:lt|gt|amp|quot|#\d{1,7}|#x[0-9a-fA-F]{1,6});|[^<&]+|&")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\s+[^>]*)?)>")
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)\s*(?:=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?""")
_FOUND = re.compile(
    r"(?P<bot_command>(?<![\w/])/[a-zA-Z0-9_]{1,64}(?:@[a-zA-Z][a-zA-Z0-9_]{2,31})?(?![\w/]))"
    r"|(?P<mention>(?<![\w@/])@[a-zA-Z][a-zA-Z0-9_]{2,31}(?!\w))"
)


def units(text: str) -> int:
    """Length in UTF-16 code units, in which entities and limits are counted."""
    return len(text.encode("utf-16-le")) // 2


def found_entities(text: str) -> list[Entity]:
    """The commands and mentions that Telegram finds in a text by itself."""
    return [
        {"type": str(match.lastgroup), "offset": units(text[: match.start()]), "length": units(match.group())}
        for match in _FOUND.finditer(text)
    ]


def formatted(
    text: str | None, parse_mode: str | None, entities: list[Entity] | None, *, limit: int, caption: bool
) -> tuple[str, list[Entity]]:
    """The text and entities of a message that the bot sends, checked. Raises ApiError 400 in the server's words."""
    if not text:
        if caption:
            return "", []
        raise bad_request("message text is empty")
    if parse_mode and entities is not None:
        raise bad_request("parse_mode and entities can't be used together")
    if not parse_mode:
        plain, marked = text, _checked(text, entities or [])
    elif parse_mode.lower() == "html":
        plain, marked = parse_html(text)
    else:
        raise bad_request("unsupported parse_mode")
    plain, marked = _stripped(plain, marked)
    if not plain and not caption:
        raise bad_request("text must be non-empty")
    if units(plain) > limit:
        raise bad_request("message caption is too long" if caption else "message is too long")
    fixed = [(one["offset"], one["offset"] + one["length"]) for one in marked if one["type"] in ("code", "pre")]
    marked += [one for one in found_entities(plain) if not any(start <= one["offset"] < end for start, end in fixed)]
    return plain, sorted(marked, key=lambda one: (one["offset"], -one["length"]))


@dataclass(slots=True)
class _Open:
    """A start tag that waits for its end tag."""

    tag: str
    offset: int
    byte: int
    entity: Entity = field(default_factory=dict)


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Plain text and entities of a text in the Bot API's HTML style. Raises ApiError 400 naming the byte offset."""
    out: list[str] = []
    length = 0
    byte = 0
    open_tags: list[_Open] = []
    entities: list[Entity] = []
    for match in _TOKEN.finditer(source):
        token = match.group()
        if token.startswith("<"):
            tag = _TAG.fullmatch(token)
            if tag is None:
                raise _unparsed(f'Unsupported start tag "{token[1:].split(" ")[0].rstrip(">")}" at byte offset {byte}')
            name = tag.group(2).lower()
            if tag.group(1):
                entities += _closed(name, open_tags, length, byte)
            else:
                open_tags.append(_opened(name, tag.group(3), length, byte))
        else:
            text = _NAMED.get(token) or (html.unescape(token) if token.startswith("&#") else token)
            out.append(text)
            length += units(text)
        byte += len(token.encode())
    if open_tags:
        last = open_tags[-1]
        raise _unparsed(f'Can\'t find end tag corresponding to start tag "{last.tag}"')
    return "".join(out), entities


def _opened(name: str, attributes: str, offset: int, byte: int) -> _Open:
    if name not in _TAGS:
        raise _unparsed(f'Unsupported start tag "{name}" at byte offset {byte}')
    given = {
        key.lower(): html.unescape(double or single or bare)
        for key, double, single, bare in _ATTRIBUTE.findall(attributes)
    }
    entity: Entity = {"type": _TAGS[name]}
    if name == "span" and given.get("class") != "tg-spoiler":
        raise _unparsed(f'Tag "span" must have class "tg-spoiler" at byte offset {byte}')
    if name == "blockquote" and "expandable" in given:
        entity["type"] = "expandable_blockquote"
    if name == "a" and "href" in given:
        entity["url"] = given["href"]
    if name == "tg-emoji":
        if "emoji-id" not in given:
            raise _unparsed("Custom emoji entity must contain a valid custom emoji identifier")
        entity["custom_emoji_id"] = given["emoji-id"]
    if name == "code" and given.get("class", "").startswith("language-"):
        entity["language"] = given["class"].removeprefix("language-")
    return _Open(tag=name, offset=offset, byte=byte, entity=entity)


def _closed(name: str, open_tags: list[_Open], offset: int, byte: int) -> list[Entity]:
    if not open_tags:
        raise _unparsed(f"Unexpected end tag at byte offset {byte}")
    opened = open_tags.pop()
    if opened.tag != name:
        raise _unparsed(f'Unmatched end tag at byte offset {byte}, expected "</{opened.tag}>", found "</{name}>"')
    entity = opened.entity
    if offset == opened.offset or (entity["type"] == "text_link" and "url" not in entity):
        return []
    if name == "code" and "language" in entity and open_tags and open_tags[-1].tag == "pre":
        open_tags[-1].entity["language"] = entity["language"]
        return []
    return [{**entity, "offset": opened.offset, "length": offset - opened.offset}]


def _checked(text: str, entities: list[Entity]) -> list[Entity]:
    for entity in entities:
        if entity["type"] not in _GIVEN:
            raise bad_request(f'unsupported entity type "{entity["type"]}"')
        if entity["offset"] < 0 or entity["length"] <= 0 or entity["offset"] + entity["length"] > units(text):
            raise bad_request("ENTITY_BOUNDS_INVALID")
    found = ("mention", "bot_command")
    return [dict(entity) for entity in entities if entity["type"] not in found]


def _stripped(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Telegram cuts white space at both ends of a text and moves the entities along."""
    cut = units(text) - units(text.lstrip())
    plain = text.strip()
    size = units(plain)
    kept = []
    for entity in entities:
        start = max(entity["offset"] - cut, 0)
        end = min(entity["offset"] + entity["length"] - cut, size)
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    return plain, kept


def _unparsed(reason: str) -> ApiError:
    return bad_request(f"can't parse entities: {reason}")
