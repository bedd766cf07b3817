"""Text that is safe to print on a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with control characters escaped, which could move the cursor, hide text or send commands."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else _escaped(character) for character in text
    )


def one_line(text: str) -> str:
    """The text with line breaks and tabs escaped too, which could look like further rows of a table."""
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
