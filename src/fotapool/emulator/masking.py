"""Masks secrets in what the inspector shows: by the names that hold them, and wherever a known one appears."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote_plus

REDACTED = "***"
MIN_SECRET_CHARACTERS = 6
"""Shorter secrets are masked in their header, member or field only, not wherever else their text appears."""
MAX_KNOWN = 1_000
"""How many secrets are masked wherever they appear; the ones seen last."""

_SECRET_NAME = re.compile(
    r"passw|passphrase|pwd|secret|token|jwt|authorization|credential|apikey|privatekey|assertion|bearer|cookie"
    r"|^(?:pass|pw|auth)$"
)
_SECRET_TEXTS = (
    *b"pass secret token pw jwt auth credential key assertion bearer cookie".split(),
    b"\\u",
    b"%",
    b"\0",
    b"://",
)
"""What the bytes of a text with a secret in it have at least one of, in lower case."""
_PLAIN_NAMES = frozenset({"tokentype", "tokentypehint"})
_SCHEMES = frozenset({"bearer", "basic"})
_SECRET_HEADER = re.compile(r"authorization|token|cookie|secret|passw|api-?key|jwt", re.IGNORECASE)
_SHOWN_HEADERS = (
    "accept accept-charset accept-encoding accept-language accept-ranges allow cache-control connection"
    " content-disposition content-encoding content-language content-length content-range content-type date etag expect"
    " host if-match if-modified-since if-none-match if-range last-modified location origin pragma range referer"
    " retry-after sdk-version server te trailer transfer-encoding upgrade user-agent vary via www-authenticate"
    " x-forwarded-for x-forwarded-host x-forwarded-proto x-fotapool-fault x-fotapool-hint x-request-id"
)
SHOWN_HEADERS = frozenset(_SHOWN_HEADERS.split())
"""The headers whose values are shown; known secrets are masked in these, too."""

# Each is linear: what may begin anywhere has a limit, or ends where it can begin again.
_STRING = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
_STRINGS = re.compile(_STRING, re.DOTALL)
_COLON = re.compile(r"\s*:\s*")
_VALUE_TOKEN = re.compile(rf"{_STRING}|[\[{{]|[\]}}]", re.DOTALL)
_SCALAR = re.compile(r"[^\s,\]}]*")
_NESTED_MEMBER = re.compile(r'(\\{1,8}+"([\w .-]{1,64})\\{1,8}+"\s{0,64}:\s{0,64}\\{1,8}+")[^"\\]*+')
_PYTHON_MEMBER = re.compile(
    rf"('([\w .-]{{1,64}})'\s{{0,64}}:\s{{0,64}})(?:'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|{_STRING})", re.DOTALL
)
_ELEMENT = re.compile(r"(<(?:[\w.-]{1,64}:)?([\w.-]{1,64})(?:\s[^<>]{0,256})?>)(?:<!\[CDATA\[)?[^<]+")
_ASSIGNED = re.compile(  # as in YAML, a file of settings, a literal of another language, an attribute of XML
    r"""((?:(?:^|[{,(&;])[^\S\n]{0,64}[bu]?["'\u201c]?|\s(?=[\w.-]{1,64}=["']))([\w.-]{1,256})"""
    r"""["'\u201d]?\s{0,8}(?:=>|[:=])\s{0,8}(?:(?:bearer|basic)\s{1,8})?[bu]?["'\u201c]?)"""
    r"""(?!(?:null|true|false)\b)[^\s"'\u201d,;&<>{}\[\]]+""",
    re.MULTILINE | re.IGNORECASE,
)
_PART = re.compile(  # a possessive group of several tokens takes too much before Python 3.11.5
    r';\s{0,64}+name="?([^"\r\n;]{1,64}+)"?[^\r\n]{0,256}+\r?\n(?:[^\r\n]{1,256}+\r?\n){0,8}\r?\n'
    r"([^\r\n]*+(?:\r?\n(?!--)[^\r\n]*+)*)",
    re.IGNORECASE,
)
_FORM_FIELD = re.compile(r"(?:^|[?&;])([^=&;?<>\"'{}\s]{1,64})=")
_FORM_VALUE, _QUERY_VALUE = re.compile(r"[^&]*"), re.compile(r"[^&\s\"'<>\\]*")
_WORD = re.compile(r"[A-Za-z_]{6,}")
_URL_PASSWORD = re.compile(r"(://(?:[^/\s:@\"'<>]{0,256}:)?)[^/\s@\"'<>]+(?=@)")

Header = tuple[bytes, bytes]


class KnownSecrets:
    """The secrets that the latest requests and answers held.

    The words of the `vocabulary`, in lower case, stay readable: somebody's password may be one of them.
    """

    def __init__(self, vocabulary: frozenset[str] = frozenset()) -> None:
        self._vocabulary = vocabulary
        self._known: dict[str, None] = {}

    def learn(self, secrets: Iterable[str]) -> None:
        for secret in secrets:
            if secret.lower() in self._vocabulary:
                continue
            self._known.pop(secret, None)
            self._known[secret] = None
            if len(self._known) > MAX_KNOWN:
                del self._known[next(iter(self._known))]

    def mask(self, text: str) -> str:
        """Masks passwords, secrets and tokens by their names, then all known ones wherever they appear."""
        text = mask_by_name(text)
        for secret in sorted((one for one in self._known if one in text), key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return text


def words_in(texts: Iterable[str]) -> frozenset[str]:
    """The words that are long enough to be taken for a secret, in lower case."""
    return frozenset(word.lower() for text in texts for word in _WORD.findall(text))


def mask_by_name(text: str) -> str:
    """Masks passwords, secrets and tokens by the names of members, fields, parts and elements, in any case."""
    pieces, at = [], 0
    for begin, end, replacement in sorted(_spans(text)):
        if begin >= at:
            pieces += [text[at:begin], replacement]
        at = max(at, end)
    return "".join([*pieces, text[at:]])


def secrets_in(text: str) -> tuple[str, ...]:
    """The passwords, secrets and tokens that are masked by their names, without their encoding."""
    found: set[str] = set()
    for begin, end, _ in _spans(text):
        value = text[begin:end]
        if value[:1] in ('"', "{", "["):
            found.update(_decoded(one[0]) for one in _STRINGS.finditer(value))
        else:
            found.update((value.strip("'"), unquote_plus(value)))
    return _long(found)


def mask_headers(headers: Iterable[Header]) -> tuple[Header, ...]:
    """Masks the values of all but SHOWN_HEADERS; of credentials not their scheme."""
    return tuple(
        (name, value if name.decode("latin-1").lower() in SHOWN_HEADERS else _masked(value)) for name, value in headers
    )


def secrets_in_headers(headers: Iterable[Header]) -> tuple[str, ...]:
    """The credentials in a request's headers: tokens, and the secret of a Basic header."""
    found: set[str] = set()
    for name, value in headers:
        if _SECRET_HEADER.search(name.decode("latin-1")):
            text = value.decode("latin-1").strip()
            found.add(text)
            scheme, _, credentials = text.partition(" ")
            found.update(one for one in credentials.split() if one.lower() not in _SCHEMES)
            if scheme.lower() == "basic":
                with contextlib.suppress(ValueError):
                    found.add(base64.b64decode(credentials, validate=True).decode().partition(":")[2])
    return _long(found)


def may_hold_secrets(data: bytes) -> bool:
    """A quick test of a body: False if no name in it can be one of a secret."""
    lower = data.lower()
    return any(word in lower for word in _SECRET_TEXTS)


def _is_secret(name: str) -> bool:
    plain = re.sub(r"[^0-9a-z]", "", name.lower())
    return _SECRET_NAME.search(plain) is not None and plain not in _PLAIN_NAMES


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Begin, end and replacement of each secret value; they may overlap."""
    if '"' in text:
        yield from _members(text, 0)
        yield from _members(text, text.index('"') + 1)  # a stray quotation mark may stand before
        yield from _matches(_NESTED_MEMBER, text, REDACTED)
    if "'" in text:
        yield from _matches(_PYTHON_MEMBER, text, f"'{REDACTED}'")
    if "<" in text:
        yield from _matches(_ELEMENT, text, REDACTED)
    if "name=" in text.lower():
        yield from ((one.start(2), one.end(2), REDACTED) for one in _PART.finditer(text) if _is_secret(one[1]))
    if "=" in text:
        yield from _fields(text)
    if ":" in text or "=" in text:
        yield from _matches(_ASSIGNED, text, REDACTED)
    if "://" in text:
        yield from ((one.end(1), one.end(), REDACTED) for one in _URL_PASSWORD.finditer(text))


def _matches(pattern: re.Pattern[str], text: str, replacement: str) -> Iterator[tuple[int, int, str]]:
    """Matches whose second group names a secret. The secret follows the first group, up to the end of the match."""
    for match in pattern.finditer(text):
        if _is_secret(match[2]):
            yield match.end(1), match.end(), replacement


def _fields(text: str) -> Iterator[tuple[int, int, str]]:
    """Secrets in a form, a query, or a URL within a document."""
    start = text.lstrip()[:2]
    values = _QUERY_VALUE if start[:1] in ("{", "[", "<", '"') or start == "--" else _FORM_VALUE
    at = 0
    for match in _FORM_FIELD.finditer(text):
        if match.start() >= at and _is_secret(unquote_plus(match[1])):
            value = values.match(text, match.end())
            at = value.end() if value else match.end()
            yield match.end(), at, REDACTED


def _members(text: str, begin: int) -> Iterator[tuple[int, int, str]]:
    """Secrets in JSON, also if it is cut: the value of a member, unless it is null, true or false."""
    at = begin
    while name := _STRINGS.search(text, at):
        at = name.end()
        colon = _COLON.match(text, at)
        if colon is None or not _is_secret(_decoded(name[0])):
            continue
        at = _end_of_value(text, colon.end())
        if text[colon.end() : at] not in ("", "null", "true", "false"):
            yield colon.end(), at, f'"{REDACTED}"'


def _end_of_value(text: str, begin: int) -> int:
    if text[begin : begin + 1] not in ("{", "[", '"'):
        scalar = _SCALAR.match(text, begin)
        return scalar.end() if scalar else begin
    depth = 0
    for token in _VALUE_TOKEN.finditer(text, begin):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth <= 0:
            return token.end()
    return len(text)


def _decoded(string: str) -> str:
    """A JSON string without its quotation marks and escapes."""
    if "\\" in string:
        with contextlib.suppress(ValueError):
            return str(json.loads(string, strict=False))
    return string.strip('"')


def _long(found: Iterable[str]) -> tuple[str, ...]:
    """Secrets that are long enough to be masked anywhere, and their percent-encoded forms, longest first."""
    long = {one.strip() for one in found if len(one.strip()) >= MIN_SECRET_CHARACTERS and set(one) != {"*"}}
    encoded = {quote(one, safe="") for one in long}
    return tuple(sorted(long | encoded, key=len, reverse=True))


def _masked(value: bytes) -> bytes:
    scheme, space, _ = value.partition(b" ")
    known = scheme.lower() in (b"bearer", b"basic")
    return scheme + b" " + REDACTED.encode() if space and known else REDACTED.encode()
