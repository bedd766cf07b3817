"""What operators write about an account: a display name and notes."""

from __future__ import annotations

import unicodedata

from fotapool.domain.errors import Invalid

MAX_DISPLAY_NAME = 100
"""Maximum length of a display name in characters."""
MAX_NOTES = 2_000
"""Maximum length of notes in characters."""
_FORBIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, halves of surrogate pairs, and separators of lines and paragraphs (Unicode categories)."""
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of the text around them (Unicode, UAX #9)."""


def clean_display_name(text: str) -> str:
    """The display name without spaces around it; empty for none. Raises Invalid."""
    return _clean("displayName", text, MAX_DISPLAY_NAME)


def clean_notes(text: str) -> str:
    """The notes, with line feeds only between their lines; empty for none. Raises Invalid."""
    return _clean("notes", text.replace("\r\n", "\n"), MAX_NOTES, "\n")


def _clean(member: str, text: str, longest: int, allowed: str = "") -> str:
    text = text.strip()
    if len(text) > longest:
        raise Invalid(f"{member} may have at most {longest} characters; it has {len(text)}")
    for character in text:
        is_forbidden = unicodedata.category(character) in _FORBIDDEN or character in _REORDERING
        if is_forbidden and character not in allowed:
            raise Invalid(f"{member} must not have control characters; it has U+{ord(character):04X}")
    return text
