"""What is checked before anything is understood: a short list of what is never made, and the language.

The services judge the rest by themselves.
"""

from __future__ import annotations

import unicodedata

from adapters.rules import vocabulary as vocab
from adapters.rules.tokens import Phrases, Words

_NEVER = Phrases(dict.fromkeys(vocab.NEVER, True))


def unsafe(words: Words) -> bool:
    """A short, sober list; the services judge the rest."""
    said = [
        word for index, word in enumerate(words.words) if words.word(index - 1) not in {"no", "without", "avoid", "not"}
    ]
    if not vocab.MINORS.isdisjoint(said) and not vocab.SEXUAL.isdisjoint(said):
        return True
    return any(
        words.word(index - 1) not in {"no", "without", "avoid", "not"} and _NEVER.at(words, index) is not None
        for index in range(len(words))
    )


_SCRIPTS = (
    ("HIRAGANA", "ja"), ("KATAKANA", "ja"), ("HANGUL", "ko"), ("CJK", "zh"), ("ARABIC", "ar"), ("HEBREW", "he"),
    ("GREEK", "el"), ("DEVANAGARI", "hi"), ("THAI", "th"),
)  # fmt: skip


def language_of(text: str, words: Words) -> str:
    """A guess at the language, or empty when there is too little to go by."""
    letters = [character for character in text[:400] if character.isalpha()]
    if not letters:
        return ""
    names = [unicodedata.name(letter, "") for letter in letters]
    if any("CYRILLIC" in name for name in names):
        return "uk" if set(text[:400].casefold()) & set("іїєґ") else "ru"
    for script, language in _SCRIPTS:
        if any(name.startswith(script) for name in names):
            return language
    counts = {
        language: sum(word in marks for word in words.words[:60]) for language, marks in vocab.LANGUAGE_MARKS.items()
    }
    best = max(counts, key=lambda language: counts[language])
    certain = counts[best] >= 2 and all(counts[best] > count for other, count in counts.items() if other != best)
    return best if certain else ""
