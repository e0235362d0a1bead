"""The format of an order to Gemini Omni: fields, types, values and ranges, each by itself.

What must go together is left to the service's module.
"""

import re
from typing import Any

from tests.emulators import google_wire as wire
from tests.emulators.google_wire import array, bad_request, one_of, record

SHORTEST_S, LONGEST_S, LONGEST_WITH_FRAMES_S = 3, 15, 10
TASKS = ("text_to_video", "image_to_video", "reference_to_video", "edit", "extend", "upscale")
IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")

_TEXT = record({"type": one_of("text"), "text": wire.text}, required=("type", "text"))
_IMAGE = record(
    {"type": one_of("image"), "data": wire.encoded, "uri": wire.filled, "mime_type": one_of(*IMAGE_TYPES)},
    required=("type", "mime_type"),
)
_VIDEO = record(
    {"type": one_of("video"), "data": wire.encoded, "uri": wire.filled, "mime_type": wire.filled},
    required=("type", "mime_type"),
)
_AUDIO = record(
    {"type": one_of("audio"), "data": wire.encoded, "uri": wire.filled, "mime_type": wire.filled},
    required=("type", "mime_type"),
)
_CONTENTS = {"text": _TEXT, "image": _IMAGE, "video": _VIDEO, "audio": _AUDIO}


def _content(value: Any, path: str) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in _CONTENTS:
        bad_request(f"'{path}.type' is {kind!r}; supported values are {list(_CONTENTS)}.", field=path)
    _CONTENTS[kind](value, path)
    if kind != "text" and ("data" in value) == ("uri" in value):
        bad_request(f"'{path}' needs either data or uri.", field=path)


_STEP = record(
    {"type": one_of("user_input", "model_output"), "content": array(_content, 1)},
    required=("type", "content"),
)


def _input(value: Any, path: str) -> None:
    if isinstance(value, str):
        wire.filled(value, path)
    elif isinstance(value, dict):
        _content(value, path)
    elif isinstance(value, list) and value and isinstance(value[0], dict) and "content" in value[0]:
        array(_STEP)(value, path)
    else:
        array(_content, 1)(value, path)


def _duration(value: Any, path: str) -> None:
    wire.text(value, path)
    match = re.fullmatch(r"(\d+)(\.0+)?s", value)
    if match is None:
        bad_request(f"'{path}' is {value!r}; it must be whole seconds like '8s'.", field=path)
    wire.integer(SHORTEST_S, LONGEST_S)(int(match[1]), path)


def _not_streamed(value: Any, path: str) -> None:
    wire.boolean(value, path)
    if value:
        bad_request("The emulator does not stream interactions.", field=path)


_REQUEST = record(
    {
        "model": wire.filled,
        "input": _input,
        "background": wire.boolean,
        "store": wire.boolean,
        "stream": _not_streamed,
        "system_instruction": wire.text,
        "previous_interaction_id": wire.filled,
        "labels": wire.mapping(wire.text),
        "response_format": record(
            {
                "type": one_of("video"),
                "aspect_ratio": one_of("16:9", "9:16"),
                "duration": _duration,
                "resolution": one_of("360p", "720p", "1080p", "4k"),
                "delivery": one_of("inline", "uri"),
                "gcs_uri": wire.gone("gcs_uri belongs to the Agent Platform."),
            },
            required=("type",),
        ),
        "generation_config": record(
            {
                "seed": wire.integer(-(2**31), 2**31 - 1),
                "video_config": record({"task": one_of(*TASKS)}),
                "temperature": wire.gone("sampling parameters are deprecated; leave them out."),
                "top_p": wire.gone("sampling parameters are deprecated; leave them out."),
            }
        ),
        "webhook_config": record(
            {
                "uris": wire.gone("the emulator signs no webhooks of single requests (RS256), only the project's own."),
                "user_metadata": wire.mapping(wire.anything),
            }
        ),
    },
    required=("model", "input"),
)


def check_request(body: dict[str, Any]) -> None:
    """Raise WireError 400 for the first thing in an order that does not fit."""
    _REQUEST(body, "")


def content_parts(value: Any) -> list[dict[str, Any]]:
    """The user's content blocks, whichever of its forms the input has."""
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    if isinstance(value, dict):
        return [value]
    return [part for entry in value for part in entry.get("content", [entry])]
