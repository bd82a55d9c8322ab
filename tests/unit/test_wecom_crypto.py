"""Our cipher against the official vectors, against wechatpy, and against whoever tampers."""

import base64
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.enterprise.crypto import WeChatCrypto

from bot.platforms.wecom.crypto import Crypto, Unreadable, open_media

TOKEN = "qdTokenSim2026"
KEY = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
CORP = "wwsim0000qidesk01"
AT, NONCE, HEAD = "1767225600", "n0nce42", b"0123456789abcdef"

VECTORS = [
    (
        "8461532907715530001",
        CORP,
        "Al31VOORMRWx6emIpmL5qmUY8lInqBIgg+7m81c0Qe3w2x68MOUUTP56s2nfL6M2zl9KfX8pIuG/sgL87EPF6Q==",
        "bd0eb53011ce2960aaa3f6dd0af5c9c5559956c3",
    ),
    (
        "<xml><a>保证金</a></xml>",
        CORP,
        "Al31VOORMRWx6emIpmL5qtiabrnPwStnt86Hjp2Tj8EqIrEy/JthT3KRj4SLpAjHmNt7cXwk5dRoviQwqzPeJGdSgsTa"
        "SaYDid5vberZzEWEYZyPJZwlIx19bb/C2j2h",
        "47a1a7e3c1dc0e2d617554d8aff64b37e6b9e812",
    ),
    (
        '{"msgid":"m1","msgtype":"text"}',
        "",
        "Al31VOORMRWx6emIpmL5qpgYbau12ISZ8jmq96HTnvcU5U4axjpR5i2yOzvhTdXKY6yTaZmw60LRsi6vPT0wMg==",
        "120e9d16abf906f620b3aedb1c8399ca003b6b04",
    ),
]


@pytest.fixture
def crypto() -> Crypto:
    return Crypto(TOKEN, KEY, CORP)


@pytest.mark.parametrize(("message", "receiver", "encrypted", "signature"), VECTORS)
def test_the_vectors_hold_both_ways(
    message: str, receiver: str, encrypted: str, signature: str
) -> None:
    crypto = Crypto(TOKEN, KEY, receiver)
    assert crypto.encrypt(message.encode(), HEAD) == encrypted
    assert crypto.decrypt(encrypted).decode() == message
    assert crypto.signature(AT, NONCE, encrypted) == signature
    assert crypto.is_signed(signature, AT, NONCE, encrypted)


@given(st.text(max_size=200).map(lambda text: text.encode(errors="replace").decode()))
def test_wechatpy_reads_what_we_write_and_we_what_it_writes(message: str) -> None:
    ours, theirs = Crypto(TOKEN, KEY, CORP), WeChatCrypto(TOKEN, KEY, CORP)
    encrypted = ours.encrypt(message.encode())
    envelope = f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    signature = ours.signature(AT, NONCE, encrypted)
    read = theirs.decrypt_message(envelope, signature, AT, NONCE)
    assert (read.decode() if isinstance(read, bytes) else read) == message
    written = theirs.encrypt_message(message, NONCE, AT)
    sealed = written.partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]
    assert ours.decrypt(sealed).decode() == message


@pytest.mark.parametrize("length", range(64))
def test_every_length_of_padding_is_taken(crypto: Crypto, length: int) -> None:
    message = b"x" * length
    assert crypto.decrypt(crypto.encrypt(message)) == message


def test_two_seals_of_one_message_differ(crypto: Crypto) -> None:
    assert crypto.encrypt(b"m") != crypto.encrypt(b"m")


@pytest.mark.parametrize(
    "encrypted",
    ["", "no base64", "AAAA", base64.b64encode(b"x" * 24).decode(), base64.b64encode(b"x" * 64)],
)
def test_what_is_not_ours_is_refused(crypto: Crypto, encrypted: str) -> None:
    with pytest.raises(Unreadable):
        crypto.decrypt(encrypted)


def test_another_companys_message_is_refused(crypto: Crypto) -> None:
    with pytest.raises(Unreadable):
        crypto.decrypt(Crypto(TOKEN, KEY, "wwother").encrypt(b"m"))


@given(position=st.integers(0, 95), change=st.integers(1, 255))
def test_a_changed_byte_never_passes_with_the_old_signature(position: int, change: int) -> None:
    crypto = Crypto(TOKEN, KEY, CORP)
    data = bytearray(base64.b64decode(VECTORS[1][2]))
    data[position] ^= change
    changed = base64.b64encode(data).decode()
    assert not crypto.is_signed(VECTORS[1][3], AT, NONCE, changed)


@pytest.mark.parametrize("signature", ["", "x", "签名", VECTORS[0][3].upper()])
def test_a_wrong_signature_is_refused_whatever_it_is_made_of(
    crypto: Crypto, signature: str
) -> None:
    assert not crypto.is_signed(signature, AT, NONCE, VECTORS[0][2])


@pytest.mark.parametrize("key", ["", "short", KEY[:-4], "*" * 43])
def test_a_key_that_is_none_is_said_at_once(key: str) -> None:
    with pytest.raises(Unreadable):
        Crypto(TOKEN, key, CORP)


@pytest.mark.parametrize("padding", ["", "="])
def test_a_bots_file_opens_with_its_own_key_with_or_without_padding(padding: str) -> None:
    key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    sealed = base64.b64decode(Crypto("", key, "").encrypt(b"%PDF", b"r" * 16))
    # A file has neither head nor length: only cipher and padding are the message's.
    assert open_media(key + padding, sealed).endswith(b"%PDF")
