"""The format of an order to Veo: fields, types, values and ranges, each by itself.

What must go together, and what only some models do, is left to the service's module.
"""

import re
from typing import Any

from tests.emulators import google_wire as wire
from tests.emulators.google_wire import array, bad_request, one_of, record

DURATIONS_S = (4, 6, 8)
EXTENSION_S = 7
"""The one length of an extension."""


def _bucket_address(value: Any, path: str) -> None:
    wire.text(value, path)
    if not re.match(r"gs://[a-z0-9][a-z0-9._-]+[a-z0-9](/|$)", value):
        bad_request(f"'{path}' is {value!r}; it must be a Cloud Storage address like gs://bucket/prefix.", field=path)


def _media(*types: str) -> wire.Check:
    shape = record(
        {"bytesBase64Encoded": wire.encoded, "gcsUri": _bucket_address, "mimeType": one_of(*types)},
        required=("mimeType",),
    )

    def check(value: Any, path: str) -> None:
        shape(value, path)
        if ("gcsUri" in value) == ("bytesBase64Encoded" in value):
            bad_request(f"'{path}' needs either bytesBase64Encoded or gcsUri.", field=path)

    return check


_IMAGE = _media("image/jpeg", "image/png", "image/webp")
_REQUEST = record(
    {
        "instances": array(
            record(
                {
                    "prompt": wire.filled,
                    "image": _IMAGE,
                    "lastFrame": _IMAGE,
                    "video": _media("video/mp4", "video/mov", "video/mpeg"),
                    "referenceImages": array(
                        record(
                            {"image": _IMAGE, "referenceType": one_of("asset", "ASSET")},
                            required=("image", "referenceType"),
                        ),
                        1,
                        3,
                    ),
                }
            ),
            1,
            1,
        ),
        "parameters": record(
            {
                "sampleCount": wire.integer(1, 4),
                "durationSeconds": one_of(*DURATIONS_S, EXTENSION_S),
                "aspectRatio": one_of("16:9", "9:16"),
                "resolution": one_of("720p", "1080p", "4k"),
                "negativePrompt": wire.text,
                "generateAudio": wire.boolean,
                "seed": wire.integer(0, 2**32 - 1),
                "personGeneration": one_of("allow_all", "allow_adult", "dont_allow"),
                "storageUri": _bucket_address,
                "enhancePrompt": wire.boolean,
                "compressionQuality": one_of("optimized", "lossless"),
                "resizeMode": one_of("pad", "crop"),
                "fps": one_of(24),
            }
        ),
        "labels": wire.mapping(wire.text),
    },
    required=("instances",),
)


def check_request(body: dict[str, Any]) -> None:
    """Raise WireError 400 for the first thing in an order that does not fit."""
    _REQUEST(body, "")
