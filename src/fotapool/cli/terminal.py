"""Text that is safe to print on a terminal."""

from __future__ import annotations


def printable(text: str, kept: str = "\n\t") -> str:
    """The text with control characters escaped, which could move the cursor, hide text or send commands.

    Those of `kept` stay.
    """
    return "".join(
        character if character.isprintable() or character in kept else _escaped(character) for character in text
    )


def one_line(text: str) -> str:
    """The text with line breaks and tabs escaped too, which could look like further rows of a table."""
    return printable(text, kept="")


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
