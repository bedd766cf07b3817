"""What stands for a secret in a recording: the same for the same value, of the same form, and telling nothing of it."""

from __future__ import annotations

import bisect
import hashlib
import hmac
import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence

from stdnum import luhn

FIRST_IMEI = 99 * 10**12
"""Stand-ins of IMEIs begin with 99, which no maker of devices has; counted without the check digit."""
MIDDLE_IMEI = FIRST_IMEI + 5 * 10**11
STRIDE = 10**6
"""How far apart the stand-ins of IMEIs are that come after all others: the room for those in between."""
MAX_KNOWN = 5_000
"""How many names, passwords and tokens a recording may hold."""
MAX_IMEIS = 400_000
MIN_KNOWN = 4
"""Shorter names and secrets are replaced where their member says what they are, but not inside other texts."""
TRIES = 100
_LEADING = re.compile(r"[0-9]+")


class LimitExceeded(Exception):
    """There is more to be replaced than a recording may hold; the message says what."""


class StandIns:
    """Gives out stand-ins; what they stand for is in memory only, and the salt makes them those of this recording."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._imeis: dict[int, int] = {}
        self._sorted: list[int] = []
        self._used_imeis: set[int] = set()
        self._shaped: dict[str, str] = {}
        self._named: dict[tuple[str, str], str] = {}
        self._counts: Counter[str] = Counter()
        self._taken: set[str] = set()
        self.known: dict[str, str] = {}
        """Names, secrets and tokens to their stand-ins: to be replaced wherever they stand."""

    # --- device ids --------------------------------------------------------------------------------------------------

    def add_imeis(self, imeis: Iterable[int]) -> None:
        """Gives stand-ins to those that have none, in their order, between those of their neighbors.

        Raises LimitExceeded.
        """
        new = sorted({imei for imei in imeis if imei} - self._imeis.keys())
        if len(new) + len(self._imeis) > MAX_IMEIS:
            raise LimitExceeded(f"the recording has {MAX_IMEIS:,} device ids, which is the most that it may have")
        place = 0
        while place < len(new):
            at = bisect.bisect(self._sorted, new[place])
            above = self._sorted[at] if at < len(self._sorted) else None
            end = len(new) if above is None else bisect.bisect(new, above)
            below = self._imeis[self._sorted[at - 1]] if at else None
            run = new[place:end]
            numbers = _between(below, above and self._imeis[above], len(run))
            if self._used_imeis.intersection(numbers) or numbers[0] < FIRST_IMEI:
                top = max(self._used_imeis)  # no room is left here: these are out of order
                numbers = range(top + STRIDE, top + STRIDE * (len(run) + 1), STRIDE)
            self._used_imeis.update(numbers)
            self._imeis.update(zip(run, numbers, strict=True))
            self._sorted[at:at] = run
            place = end

    def imei(self, text: str) -> str:
        """15 digits with a valid check digit, in the order of what they stand for. Raises LimitExceeded."""
        number = int(text)
        if not number:
            return text
        if number not in self._imeis:
            self.add_imeis([number])
        body = str(self._imeis[number])
        return body + str(luhn.calc_check_digit(body))

    # --- what keeps its form -----------------------------------------------------------------------------------------

    def shaped(self, text: str) -> str:
        """Of the same length and kinds of characters: digits for digits, letters for letters."""
        if text not in self._shaped:
            self._shaped[text] = self._free(text)
        return self._shaped[text]

    def _free(self, text: str) -> str:
        """A shape that stands for nothing else and is no value that was replaced, as far as there are such shapes."""
        shape = text
        for attempt in range(TRIES):
            shape = self._shape(text, attempt)
            if shape != text and shape not in self._taken and shape not in self._shaped:
                break
        self._taken.add(shape)
        return shape

    def _shape(self, text: str, attempt: int) -> str:
        is_hex = re.fullmatch(r"[0-9A-Fa-f-]*", text) is not None
        found = []
        for place, character in enumerate(text):
            alphabet = _alphabet(character, is_hex)
            if place == 0 and alphabet == string.digits and character != "0":
                alphabet = alphabet[1:]
            if not alphabet:
                found.append(character)
                continue
            message = f"{attempt}:{place}:{text}".encode()
            found.append(alphabet[hmac.digest(self._salt, message, hashlib.sha256)[0] % len(alphabet)])
        return "".join(found)

    def token(self, text: str) -> str:
        """The shape of a token, which is then replaced wherever else it stands. Raises LimitExceeded."""
        return self._know(text, self.shaped(text))

    # --- what is counted ---------------------------------------------------------------------------------------------

    def named(self, kind: str, text: str) -> str:
        """As `user-1`, the next one of its kind. Raises LimitExceeded."""
        return self._count(kind, text, f"{kind}-{{}}")

    def mail(self, text: str) -> str:
        """An address that nobody has. Raises LimitExceeded."""
        return self._count("mail", text, "mail-{}@example.invalid")

    def url(self, text: str) -> str:
        """A URL of the same scheme that leads nowhere; one with a user stays one with a user. Raises LimitExceeded."""
        scheme, _, rest = text.partition("://")
        user = "user:password@" if "@" in rest.partition("/")[0] else ""
        return self._count("url", text, f"{scheme}://{user}listener-{{}}.invalid/")

    def account(self, text: str) -> str:
        """As 0000000001-00001; one whose zeros were left out stays one of as few digits. Raises LimitExceeded."""
        leading = _LEADING.match(text)
        digits = len(leading[0]) if leading and re.fullmatch(r"[0-9]{1,10}-[0-9]+", text) else 10
        return self._count("account", text, f"{{:0{digits}d}}-00001")

    def _count(self, kind: str, text: str, form: str) -> str:
        found = self._named.get((kind, text))
        if found is None:
            self._counts[kind] += 1
            found = self._named[kind, text] = form.format(self._counts[kind])
        return self._know(text, found)

    def _know(self, text: str, stand_in: str) -> str:
        if len(text) >= MIN_KNOWN and text not in self.known:
            if len(self.known) >= MAX_KNOWN:
                raise LimitExceeded(
                    f"the recording has {MAX_KNOWN:,} names and tokens, which is the most that it may have"
                )
            self.known[text] = stand_in
        return stand_in


def _alphabet(character: str, is_hex: bool) -> str:
    """What may stand for the character; nothing for punctuation, which stays."""
    if character.isdigit():
        return string.digits
    if character.isupper():
        return "ABCDEF" if is_hex else string.ascii_uppercase
    if character.isalpha():
        return "abcdef" if is_hex else string.ascii_lowercase
    return ""


def _between(below: int | None, above: int | None, count: int) -> Sequence[int]:
    """So many numbers in order between the two; not different ones if there is no room."""
    if above is None:
        first = (MIDDLE_IMEI if below is None else below) + STRIDE
        return range(first, first + STRIDE * count, STRIDE)
    if below is None:
        return range(above - STRIDE * count, above, STRIDE)
    return [below + (above - below) * (place + 1) // (count + 1) for place in range(count)]
