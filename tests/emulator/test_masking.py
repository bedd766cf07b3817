"""Secrets in what the inspector shows are masked by their names, and wherever a known one appears."""

from __future__ import annotations

from base64 import b64encode

import pytest

from fotapool.emulator.exchanges import CapturedBody
from fotapool.emulator.masking import (
    MAX_KNOWN,
    KnownSecrets,
    mask_by_name,
    mask_headers,
    may_hold_secrets,
    secrets_in,
    secrets_in_headers,
    words_in,
)

MULTIPART = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"Password": "p", "vzAccessToken":"t"}', '{"Password": "***", "vzAccessToken":"***"}'),
        (r'{"p\u0061ssword":"a\"b","n":1}', r'{"p\u0061ssword":"***","n":1}'),
        ('{"a":{"PASSWORD":["p",{"x":"q]"}]},"n":"m"}', '{"a":{"PASSWORD":"***"},"n":"m"}'),
        ('{"secret":{"value":"p"},"pwd":12345,"pass":null}', '{"secret":"***","pwd":"***","pass":null}'),
        ('{"client_secret":"cut off', '{"client_secret":"***"'),
        ('x" {"api-key":"p"}', 'x" {"api-key":"***"}'),
        (r'{"m":"{\"password\":\"p\",\"n\":1}"}', r'{"m":"{\"password\":\"***\",\"n\":1}"}'),
        ("{'user': 'u', 'password': 'p'}", "{'user': 'u', 'password': '***'}"),
        ("<user>u</user><ns:Password x='1'>p</ns:Password>", "<user>u</user><ns:Password x='1'>***</ns:Password>"),
        (MULTIPART.format("client_secret", "p\r\nq"), MULTIPART.format("client_secret", "***")),
        (MULTIPART.format("fileVersion", "1"), MULTIPART.format("fileVersion", "1")),
        ("username=u&pa%73sword=my p&n=1", "username=u&pa%73sword=***&n=1"),
        ("/x?Session_Token=abc&a=1;PASSWORD=p", "/x?Session_Token=***&a=1;PASSWORD=***"),
        ("/x?next=/y?token=abc", "/x?next=/y?token=***"),
        ('{"url":"https://u:p@h/x?token=abc&n=1"}', '{"url":"https://u:***@h/x?token=***&n=1"}'),
        ('{"url":"https://p@h/","other":"https://u:p:q@h"}', '{"url":"https://***@h/","other":"https://u:***@h"}'),
        ("user: u\npassword: 'p'\n", "user: u\npassword: '***'\n"),
        ("user = u\r\npassword=p\r\n", "user = u\r\npassword=***\r\n"),
        ("Authorization: Bearer p\n", "Authorization: Bearer ***\n"),
        ("{user: u, password: p, bearer: true}", "{user: u, password: ***, bearer: true}"),
        ("{u'password': b'p', 'pwd' => 'p'}", "{u'password': b'***', 'pwd' => '***'}"),
        ("{\u201cpassword\u201d: \u201cp\u201d}", "{\u201cpassword\u201d: \u201c***\u201d}"),
        ("<password><![CDATA[p]]></password>", "<password>***</password>"),
        ("<login user='u' password='p'/>", "<login user='u' password='***'/>"),
        ("a=b& password=p", "a=b& password=***"),
        (
            '{"hint":"send the header Authorization: Bearer TOKEN"}',
            '{"hint":"send the header Authorization: Bearer TOKEN"}',
        ),
        ('{"token_type":"bearer","deviceList":["1"]}', '{"token_type":"bearer","deviceList":["1"]}'),
    ],
)
def test_secrets_are_masked_by_name(text: str, masked: str) -> None:
    assert mask_by_name(text) == masked
    assert may_hold_secrets(text.encode()) or text == masked


def test_the_values_of_all_but_harmless_headers_are_masked() -> None:
    given = [
        (b"authorization", b"Bearer abcdefgh"),
        (b"authorization", b"abcdefgh"),
        (b"authorization", b"Token abcdefgh"),
        (b"X-Anything", b"abc"),
        (b"Content-Type", b"text/plain"),
    ]
    assert [value for _, value in mask_headers(given)] == [b"Bearer ***", b"***", b"***", b"***", b"text/plain"]


def test_a_password_that_is_a_word_of_the_api_leaves_paths_and_hints_readable() -> None:
    known = KnownSecrets(words_in(["/api/m2m/v1/session/login", "Send `Authorization: Bearer TOKEN`"]))
    known.learn(secrets_in_headers([(b"authorization", b"Bearer"), (b"authorization", b"Bearer session")]))
    known.learn(secrets_in('{"password":"Session","secret":"sessions"}'))
    assert known.mask('POST /session {"password":"session"} Bearer') == 'POST /session {"password":"***"} Bearer'
    assert known.mask("sessions") == "***"


def test_known_secrets_are_masked_wherever_they_appear() -> None:
    known = KnownSecrets()
    basic = b64encode(b"key:client secret/1")
    known.learn(
        secrets_in_headers(
            [
                (b"authorization", b"Bearer Bearer abcdefgh"),
                (b"authorization", b"naked-token"),
                (b"vz-m2m-token", b"session-1"),
                (b"authorization", b"Basic " + basic),
                (b"x-api-key", b"short"),
            ]
        )
    )
    known.learn(secrets_in('{"password":{"of":"hush-hush"}}'))
    text = f"/a/abcdefgh/xsession-1/naked-token?q=client%20secret%2F1&r=hush-hush {basic.decode()} short"
    assert known.mask(text) == "/a/***/x***/***?q=***&r=*** *** short"


def test_a_password_that_is_the_name_of_a_member_hides_no_other_password() -> None:
    known = KnownSecrets()
    known.learn(["password"])
    assert "hush" not in known.mask('{"password":"hush"}')


def test_the_secrets_seen_last_are_known() -> None:
    known = KnownSecrets()
    known.learn(f"secret-{number:05d}" for number in range(MAX_KNOWN))
    known.learn(["secret-00000", "secret-new"])
    assert known.mask("secret-00000 secret-00001 secret-new") == "*** secret-00001 ***"


PIECES = r"""
"  \"  \  "password":"  \"password\":\"  'password':'  <password  <password>  ://  ://a:  ;name="password"  ?password=
password=  {"password":[  '\'  [  \\"  "password":\"  "password":{"a
"""


@pytest.mark.parametrize("piece", [*PIECES.split(), *("".join((one, "\n")) for one in PIECES.split()), " ", "a" * 65])
def test_masking_is_linear_in_the_length_of_the_text(piece: str) -> None:
    """A quadratic pattern would take minutes for one of these."""
    text = piece * (200_000 // len(piece))
    assert len(mask_by_name(text)) <= len(text) * 2 + 64
    secrets_in(text)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be"])
def test_a_body_in_another_encoding_of_json_is_masked(encoding: str) -> None:
    body = '{"username":"u","password":"hush"}'.encode(encoding)
    captured = CapturedBody()
    captured.add(body)
    assert may_hold_secrets(body)
    assert mask_by_name(captured.text()) == '{"username":"u","password":"***"}'
