"""The form behind "Change…"."""

from __future__ import annotations

from core.generation import Generation

FORM_IDEA = "What is seen"
FORM_STYLE = "Look"
FORM_WORDS = "Words on screen"
FORM_TITLE = "Title"
FORM_LENGTH = "Length"
FORM_SHAPE = "Shape"
FORM_SIZE = "Size"
FORM_QUALITY = "Quality"
FORM_SOUND = "Sound"
FORM_SUBMIT = "New price"
FORM_CLOSE = "Leave as it is"
SOUND_FITS = "Whatever fits"
FORM_EMPTY = "Please say in a sentence what is seen."
FORM_TOO_LONG = "At most {longest} characters, please; this has {length}."
FORM_NOT_OFFERED = "This is not on offer any more. Please choose another."


def form_title(generation: Generation) -> str:
    """The title of the form; at most 24 characters."""
    return f"Change {generation.name}"
