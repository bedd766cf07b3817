"""Replaces secrets and personal data of a request and its response before they are written."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from fotapool.recording.operations import find_operation
from fotapool.recording.pairs import Body
from fotapool.recording.pseudonyms import Pseudonyms

IMEI_DIGITS = 15
SIGN_IN_PATHS = ("/api/ts/", "/api/m2m/")
FORM = "application/x-www-form-urlencoded"
UNREADABLE = "it does not match its content type; not written, since it may hold secrets"
NOT_TEXT = "it is neither JSON nor a form nor text"

_RECORDED = (
    "accept allow authorization cache-control content-type location retry-after revokedaccesstoken user-agent "
    "vz-m2m-token www-authenticate"
)
RECORDED_HEADERS = frozenset(_RECORDED.split())
"""The headers that are recorded; others are never written."""

_TOKENS = "token sessiontoken accesstoken refreshtoken idtoken vzm2mtoken jwt"
_PRECISE = "mdn msisdn min phone phonenumber iccid imsi eid esn meid ip ipaddress customername contactname"
_MEMBERS = {
    "token": _TOKENS.split(),
    "user": ["username", "user", "login", "loginname", "userid"],
    "password": ["password", "oldpassword", "newpassword", "passwd"],
    "key": ["clientid", "clientkey", "apikey", "consumerkey"],
    "secret": ["secret", "clientsecret", "consumersecret"],
    "account": ["account", "accounts", "accountname", "accountnumber", "participantname", "billingaccountname"],
    "url": ["url", "callbackurl"],
    "shaped": _PRECISE.split(),
}
KIND_OF_MEMBER = {name: kind for kind, names in _MEMBERS.items() for name in names}
"""The kind of a member, by its name in lower case and without punctuation."""
CURSORS = frozenset({"lastseendeviceid", "deviceid", "imei"})
"""Members that may have a device id as a number, without its leading zeros."""

_PATTERNS = (  # linear in the length of the text: what may begin anywhere has a limit
    ("url", r"\b[A-Za-z][A-Za-z0-9+.-]{0,63}://[^\s\"'<>\\]+"),
    ("mail", r"(?:(?<![\w.+-])[\w.+-]++|(?<=\+)[\w.-]{1,64}+)@[\w-]++\.[\w.-]+"),
    ("known", None),
    ("uuid", r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b"),
    ("account", r"(?<![0-9])[0-9]{6,10}-[0-9]{5}(?![0-9])"),
    ("phone", r"(?<![0-9])[0-9]{3}[-. )]{1,2}[0-9]{3}[-. ][0-9]{4}(?![0-9])"),
    ("digits", r"[0-9]{10,}"),
    ("meid", r"\b(?=[0-9A-Fa-f]*[0-9])(?=[0-9A-Fa-f]*[A-Fa-f])[0-9A-Fa-f]{14}\b"),
)
_MAIL_AFTER = r"[\w.+-]{1,64}+@[\w-]++\.[\w.-]+"
"""The rest of an address whose beginning was replaced."""
_FORM = re.compile(r"[\w.-]{1,64}=[^&]*(?:&[\w.-]{1,64}=[^&]*)*")
_NUMBERS = re.compile("|".join(pattern or "" for name, pattern in _PATTERNS if name in ("digits", "phone", "meid")))
_MAYBE_IMEI = re.compile(rf"(?<![0-9])[0-9]{{{IMEI_DIGITS}}}(?![0-9])")


class Redactor:
    """Redacts the pairs of one recording: a value has the same pseudonym in all of them."""

    def __init__(self, salt: bytes, members: Iterable[str] = (), texts: Iterable[str] = ()) -> None:
        """`members` are names of further members to redact, `texts` further values to replace everywhere."""
        self._pseudonyms = Pseudonyms(salt)
        self._kinds = {**KIND_OF_MEMBER, **{_plain(name): "shaped" for name in members}}
        self._texts = sorted(filter(None, texts), key=len, reverse=True)
        for text in self._texts:
            self._pseudonyms.known[text] = self._pseudonyms.shaped(text)
        self._pattern = self._compile()
        self._compiled = len(self._pseudonyms.known)

    # --- pieces ------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Replaces the names and tokens found so far inside of texts, too."""
        if len(self._pseudonyms.known) != self._compiled:
            self._pattern, self._compiled = self._compile(), len(self._pseudonyms.known)

    def learn_imeis(self, *texts: str) -> None:
        """Assigns pseudonyms to all device ids of a pair at once, so that they sort alike."""
        self._pseudonyms.add_imeis(int(found) for text in texts for found in _MAYBE_IMEI.findall(text))

    def path(self, method: str, path: str) -> str:
        """A path as it was sent, percent-encoded."""
        parameters = find_operation(method, path).parameters
        if "account" in parameters:
            self._pseudonyms.account(parameters["account"])
        values = set(parameters.values())
        segments = path.split("/")
        return "/".join(
            quote(self.text(unquote(one)), safe="") if unquote(one) in values or not parameters else one
            for one in segments
        )

    def query(self, query: str) -> str:
        pairs = parse_qsl(query, keep_blank_values=True)
        return urlencode(self.fields(pairs))

    def headers(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The headers in RECORDED_HEADERS, redacted; names in lower case."""
        found = {}
        for name, value in headers:
            name = name.lower()
            if name in RECORDED_HEADERS:
                found[name] = self._header(name, value)
        return found

    def _header(self, name: str, value: str) -> str:
        if name == "authorization":
            return self._authorization(value)
        if name in ("vz-m2m-token", "revokedaccesstoken"):
            return self._pseudonyms.token(value)
        return self.text(value)

    def _authorization(self, value: str) -> str:
        scheme, _, credentials = value.partition(" ")
        if scheme.lower() == "basic":
            try:
                key, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                colon = ""
            if colon:
                named = f"{self._pseudonyms.named('key', key)}:{self._pseudonyms.named('secret', secret)}"
                return f"{scheme} {base64.b64encode(named.encode()).decode()}"
        if scheme.lower() in ("basic", "bearer"):
            return f"{scheme} {self._pseudonyms.token(credentials)}"
        return self._pseudonyms.token(value)

    # --- bodies ------------------------------------------------------------------------------------------------------

    def body(self, content: bytes, content_type: str, path: str, is_answer: bool) -> Body | None:
        """Returns None without a body. Leaves out what cannot be parsed, and free text of requests."""
        if not content:
            return None
        media_type = content_type.partition(";")[0].strip().lower()
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return Body(leftOut=NOT_TEXT)
        if media_type.endswith("json") or text.lstrip()[:1] in ("{", "["):
            try:
                return Body(json=self._document(json.loads(text)))
            except (ValueError, RecursionError):
                return Body(leftOut=UNREADABLE)
        if media_type == FORM and not is_answer and _FORM.fullmatch(text):
            return Body(form=self.fields(parse_qsl(text, keep_blank_values=True)))
        if path.startswith(SIGN_IN_PATHS) or not media_type.startswith("text/") or not is_answer:
            return Body(leftOut=UNREADABLE)
        return Body(text=self.text(text))

    def fields(self, fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """The fields of a form or of a query."""
        return [(self.text(name), str(self._member(name, value))) for name, value in fields]

    def _document(self, document: Any) -> Any:
        if isinstance(document, Mapping):
            return {self.text(name): self._member(name, value) for name, value in document.items()}
        if isinstance(document, list):
            return [self._document(one) for one in document]
        if isinstance(document, str):
            return self.text(document)
        if isinstance(document, int | float) and not isinstance(document, bool):
            return self._number(document)
        return document

    def _member(self, name: str, value: Any) -> Any:
        plain = _plain(name)
        if isinstance(value, list):
            return [self._member(name, one) for one in value]
        if isinstance(value, Mapping) or value is None or isinstance(value, bool) or value == "":
            return self._document(value)
        if plain in CURSORS and isinstance(value, int):
            return int(self._pseudonyms.imei(f"{value:0{IMEI_DIGITS}d}")) if value < 10**IMEI_DIGITS else 0
        if plain in CURSORS and isinstance(value, str) and _MAYBE_IMEI.fullmatch(value):
            return self._pseudonyms.imei(value)
        kind = self._kinds.get(plain)
        if kind is None:
            return self._document(value)
        pseudonym = self._of_kind(kind, str(value))
        return int(pseudonym) if isinstance(value, int) and pseudonym.isdigit() else pseudonym

    def _number(self, number: int | float) -> int | float:
        """Redacts a long number like its digits."""
        if isinstance(number, float) and (number != number or abs(number) < 10**9 or not number.is_integer()):
            return number
        text = str(int(number)) if abs(number) < 10**60 else ""
        replaced = self.text(text)
        return type(number)(replaced) if replaced else 0

    # --- texts -------------------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """Returns the text with secrets replaced."""
        return self._pattern.sub(self._replace, text)

    def _compile(self) -> re.Pattern[str]:
        known = self._pseudonyms.known
        longest_first = sorted(known, key=len, reverse=True)
        words = rf"(?<![0-9A-Za-z])(?:{'|'.join(map(re.escape, longest_first))})(?![0-9A-Za-z])"
        patterns = [(name, pattern or words) for name, pattern in _PATTERNS if pattern or known]
        if self._texts:
            given = list(map(re.escape, self._texts))
            patterns.insert(0, ("given", "|".join(given)))
            patterns.insert(1, ("mail_after", rf"(?:{'|'.join(f'(?<={one})' for one in given)}){_MAIL_AFTER}"))
        return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in patterns))

    def _replace(self, found: re.Match[str]) -> str:
        text, kind = found[0], found.lastgroup or ""
        if text in self._pseudonyms.known:
            return self._pseudonyms.known[text]
        if kind == "uuid":
            return text
        if kind == "digits" and len(text) == IMEI_DIGITS:
            return self._pseudonyms.imei(text)
        return self._of_kind(
            {"digits": "shaped", "phone": "shaped", "meid": "shaped", "mail_after": "mail"}.get(kind, kind), text
        )

    def _of_kind(self, kind: str, text: str) -> str:
        if text in self._pseudonyms.known:
            return self._pseudonyms.known[text]
        make: dict[str, Callable[[str], str]] = {
            "token": self._pseudonyms.token,
            "shaped": self._shaped,
            "account": self._pseudonyms.account,
            "url": self._url,
            "mail": self._pseudonyms.mail,
        }
        return make[kind](text) if kind in make else self._pseudonyms.named(kind, text)

    def _shaped(self, text: str) -> str:
        """Texts find numbers by their pattern; other values must be known to be found."""
        if _MAYBE_IMEI.fullmatch(text):
            return self._pseudonyms.imei(text)
        found_anyway = _NUMBERS.fullmatch(text) is not None
        return self._pseudonyms.shaped(text) if found_anyway else self._pseudonyms.token(text)

    def _url(self, text: str) -> str:
        return self._pseudonyms.url(text) if "://" in text else self._pseudonyms.token(text)


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z]", "", name.lower())
