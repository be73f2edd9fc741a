"""The XML of the protocol, and signing in."""

import base64

import pytest

from connectors.xmpp import sasl, stanzas
from connectors.xmpp.stanzas import BODY, MESSAGE, Malformed, Reader, node, read, written
from inbox.contract import AuthError

HEAD = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"


def test_elements_are_read_however_the_bytes_are_cut():
    raw = HEAD + "<message from='anna@x'><body>Zażółć &amp; 👩‍👩‍👧</body></message><presence/></stream:stream>".encode()
    reader, found = Reader(), []
    for byte in raw:
        found += reader.feed(bytes([byte]))
    assert [one.tag for one in found] == [MESSAGE, stanzas.PRESENCE]
    assert (found[0].findtext(BODY), found[0].get("from"), reader.is_over) == ("Zażółć & 👩‍👩‍👧", "anna@x", True)


def test_what_is_written_is_read_as_it_was_but_for_what_xml_has_no_place_for():
    text = "<b>&amp;\r\n\t\u00a0\u2028 \"'\x00\x08\ud800\uffff 𝔘"
    made = node(MESSAGE, {"to": text, "from": None}, node(BODY, {}, text), node("{urn:x}a", {}, node("{urn:x}b", {}, node(BODY))))
    again = read(written(made))
    kept = "<b>&amp;\r\n\t\u00a0\u2028 \"' 𝔘"
    assert (again.findtext(BODY), again.get("to"), again.get("from")) == (kept, kept, None)
    assert again.find("{urn:x}a/{urn:x}b") is not None
    assert again.find(f"{{urn:x}}a/{{urn:x}}b/{BODY}") is not None


@pytest.mark.parametrize(
    "raw",
    [
        b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><a>&b;</a>',  # a text that grows
        HEAD + b"<message></presence>",
        HEAD + b"<message>&nothing;</message>",
        HEAD + b"<a>" * 200,
        HEAD + b"<message>\x01</message>",
    ],
)
def test_what_no_stream_may_hold_ends_it(raw: bytes):
    with pytest.raises(Malformed):
        Reader().feed(raw)


def test_nobody_has_to_take_more_than_so_much_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stanzas, "LARGEST", 1000)
    reader = Reader()
    reader.feed(HEAD)
    for _ in range(10):
        reader.feed(b"<message><body>" + b"x" * 500 + b"</body></message>")
    reader.feed(b"<message><body>" + b"x" * 500)
    with pytest.raises(Malformed):
        reader.feed(b"x" * 500)


@pytest.mark.parametrize(
    ("mechanism", "nonce", "challenge", "proof", "success"),
    [
        (  # https://www.rfc-editor.org/rfc/rfc5802#section-5
            "SCRAM-SHA-1",
            "fyko+d2lbbFgONRv9qkxdawL",
            b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ),
        (  # https://www.rfc-editor.org/rfc/rfc7677#section-3
            "SCRAM-SHA-256",
            "rOprNGfwEbeRWgbNEkqO",
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
    ],
)
def test_signing_in_is_as_in_the_standards_and_the_server_has_to_prove_itself(
    mechanism: str, nonce: str, challenge: bytes, proof: bytes, success: bytes
):
    scram = sasl.Scram(mechanism, "user", "pencil", nonce)
    assert scram.first() == f"n,,n=user,r={nonce}".encode()
    assert scram.final(challenge) == proof
    scram.check(success)
    for other in (b"", b"v=", b"v=AAAA", b"e=no", b"v=" + base64.b64encode(bytes(32))):
        with pytest.raises(AuthError):
            scram.check(other)


@pytest.mark.parametrize(
    "challenge",
    [b"", b"r=other,s=QSXCR+Q6sek8bf92,i=4096", b"r=nonce1,s=QSXCR+Q6sek8bf92,i=0", b"r=nonce1,s=AAAA,i=99999999", b"r=nonce1,s=AAAA,i=-1"],
)
def test_a_server_that_asks_for_nonsense_gets_no_proof(challenge: bytes):
    with pytest.raises(AuthError):
        sasl.Scram("SCRAM-SHA-1", "user", "pencil", "nonce").final(challenge)


def test_the_best_way_is_taken_and_names_are_written_so_that_they_end_where_they_end():
    assert sasl.choose({"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}) == "SCRAM-SHA-256"
    assert sasl.Scram("SCRAM-SHA-1", "a=b,c", "x", "n").first() == b"n,,n=a=3Db=2Cc,r=n"
    with pytest.raises(AuthError):
        sasl.choose({"ANONYMOUS"})
