"""Pseudonyms for secrets in a recording: equal for equal values, of the same form, and not reversible."""

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
"""Pseudonyms of IMEIs begin with 99, which no manufacturer has; without the check digit."""
MIDDLE_IMEI = FIRST_IMEI + 5 * 10**11
STRIDE = 10**6
"""The distance between pseudonyms of successive IMEIs; leaves room for IMEIs in between."""
MAX_KNOWN = 5_000
"""Maximum number of names, passwords and tokens in a recording."""
MAX_IMEIS = 400_000
MIN_KNOWN = 4
"""Shorter names and secrets are replaced in their members only, not inside other texts."""
TRIES = 100
MAX_SEED = 256
"""Longer texts are hashed once: each character's pseudonym depends on the whole text."""
_LEADING = re.compile(r"[0-9]+")


class LimitExceeded(Exception):
    """The recording has too many values to replace; the message says which."""


class Pseudonyms:
    """Assigns pseudonyms. The mapping is in memory only; the salt makes it unique to a recording."""

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
        """Names, secrets and tokens to their pseudonyms: replaced wherever they appear."""

    # --- device ids --------------------------------------------------------------------------------------------------

    def add_imeis(self, imeis: Iterable[int]) -> None:
        """Assigns pseudonyms to new IMEIs, in the same order as the IMEIs. Raises LimitExceeded."""
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
                top = max(self._used_imeis)  # no room is left: these are out of order
                numbers = range(top + STRIDE, top + STRIDE * (len(run) + 1), STRIDE)
            self._used_imeis.update(numbers)
            self._imeis.update(zip(run, numbers, strict=True))
            self._sorted[at:at] = run
            place = end

    def imei(self, text: str) -> str:
        """15 digits with a valid check digit, in the order of the IMEIs. Raises LimitExceeded."""
        number = int(text)
        if not number:
            return text
        if number not in self._imeis:
            self.add_imeis([number])
        body = str(self._imeis[number])
        return body + str(luhn.calc_check_digit(body))

    # --- what keeps its form -----------------------------------------------------------------------------------------

    def shaped(self, text: str) -> str:
        """A pseudonym of the same length and kinds of characters: digits for digits, letters for letters."""
        if text not in self._shaped:
            self._shaped[text] = self._free(text)
        return self._shaped[text]

    def _free(self, text: str) -> str:
        """A shape that is neither in use nor a replaced value, if one is found within TRIES."""
        shape = text
        tries = TRIES if any(map(str.isalnum, text)) else 1  # punctuation keeps its form
        for attempt in range(tries):
            shape = self._shape(text, attempt)
            if shape != text and shape not in self._taken and shape not in self._shaped:
                break
        self._taken.add(shape)
        return shape

    def _shape(self, text: str, attempt: int) -> str:
        is_hex = re.fullmatch(r"[0-9A-Fa-f-]*", text) is not None
        seed = text if len(text) <= MAX_SEED else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        found = []
        for place, character in enumerate(text):
            alphabet = _alphabet(character, is_hex)
            if place == 0 and alphabet == string.digits and character != "0":
                alphabet = alphabet[1:]
            if not alphabet:
                found.append(character)
                continue
            message = f"{attempt}:{place}:{seed}".encode()
            found.append(alphabet[hmac.digest(self._salt, message, hashlib.sha256)[0] % len(alphabet)])
        return "".join(found)

    def token(self, text: str) -> str:
        """The shape of a token, which is then replaced everywhere. Raises LimitExceeded."""
        return self._know(text, self.shaped(text))

    # --- what is counted ---------------------------------------------------------------------------------------------

    def named(self, kind: str, text: str) -> str:
        """As `user-1`, numbered by kind. Raises LimitExceeded."""
        return self._count(kind, text, f"{kind}-{{}}")

    def mail(self, text: str) -> str:
        """An address in the domain `invalid`. Raises LimitExceeded."""
        return self._count("mail", text, "mail-{}@example.invalid")

    def url(self, text: str) -> str:
        """A URL with the same scheme in the domain `invalid`, with a user if there was one. Raises LimitExceeded."""
        scheme, _, rest = text.partition("://")
        user = "user:password@" if "@" in rest.partition("/")[0] else ""
        return self._count("url", text, f"{scheme}://{user}listener-{{}}.invalid/")

    def account(self, text: str) -> str:
        """As 0000000001-00001, with as many leading digits as the name had. Raises LimitExceeded."""
        leading = _LEADING.match(text)
        digits = len(leading[0]) if leading and re.fullmatch(r"[0-9]{1,10}-[0-9]+", text) else 10
        return self._count("account", text, f"{{:0{digits}d}}-00001")

    def _count(self, kind: str, text: str, form: str) -> str:
        found = self._named.get((kind, text))
        if found is None:
            self._counts[kind] += 1
            found = self._named[kind, text] = form.format(self._counts[kind])
        return self._know(text, found)

    def _know(self, text: str, pseudonym: str) -> str:
        if len(text) >= MIN_KNOWN and text not in self.known:
            if len(self.known) >= MAX_KNOWN:
                raise LimitExceeded(
                    f"the recording has {MAX_KNOWN:,} names and tokens, which is the most that it may have"
                )
            self.known[text] = pseudonym
        return pseudonym


def _alphabet(character: str, is_hex: bool) -> str:
    """The characters that may replace this one; none for punctuation, which is not replaced."""
    if character.isdigit():
        return string.digits
    if character.isupper():
        return "ABCDEF" if is_hex else string.ascii_uppercase
    if character.isalpha():
        return "abcdef" if is_hex else string.ascii_lowercase
    return ""


def _between(below: int | None, above: int | None, count: int) -> Sequence[int]:
    """Returns `count` ascending numbers between the two; not distinct ones if there is no room."""
    if above is None:
        first = (MIDDLE_IMEI if below is None else below) + STRIDE
        return range(first, first + STRIDE * count, STRIDE)
    if below is None:
        return range(above - STRIDE * count, above, STRIDE)
    return [below + (above - below) * (place + 1) // (count + 1) for place in range(count)]
