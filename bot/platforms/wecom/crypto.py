"""The callbacks' signature and AES, byte by byte as the official page has them (reference 1.4)."""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK: Final = 32  # of the padding; AES itself has 16
HEAD: Final = 16  # random bytes before the length


class Unreadable(ValueError):
    """What came was not made with our key, or not for us."""


class Crypto:
    """``receive_id`` is the company's id for an application, "" for a bot."""

    def __init__(self, token: str, encoding_aes_key: str, receive_id: str) -> None:
        self._token = token
        self._receive_id = receive_id.encode()
        self._cipher = _cipher(_key(encoding_aes_key))  # made once: it costs as much as its work

    def signature(self, timestamp: str, nonce: str, encrypted: str) -> str:
        whole = "".join(sorted((self._token, timestamp, nonce, encrypted)))
        return hashlib.sha1(whole.encode(errors="replace"), usedforsecurity=False).hexdigest()

    def is_signed(self, signature: str, timestamp: str, nonce: str, encrypted: str) -> bool:
        """In constant time."""
        ours = self.signature(timestamp, nonce, encrypted)
        return hmac.compare_digest(ours.encode(), signature.encode(errors="replace"))

    def decrypt(self, encrypted: str) -> bytes:
        """Raises Unreadable; the reason is not told apart."""
        try:
            data = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError):
            raise Unreadable from None
        plain = _unpadded(_decrypted(self._cipher, data))
        end = HEAD + 4 + int.from_bytes(plain[HEAD : HEAD + 4])
        if end > len(plain) or plain[end:] != self._receive_id:
            raise Unreadable
        return plain[HEAD + 4 : end]

    def encrypt(self, message: bytes, head: bytes = b"") -> str:
        """``head`` is random unless a test says otherwise."""
        head = head or secrets.token_bytes(HEAD)
        plain = head + len(message).to_bytes(4) + message + self._receive_id
        pad = BLOCK - len(plain) % BLOCK
        encryptor = self._cipher.encryptor()
        sealed = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
        return base64.b64encode(sealed).decode()


def open_media(aes_key: str, data: bytes) -> bytes:
    """The bytes of a file that a person sent to the bot. Raises Unreadable."""
    return _unpadded(_decrypted(_cipher(_key(aes_key)), data))


def _key(text: str) -> bytes:
    """Base64 that may lack its padding. Raises Unreadable."""
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise Unreadable from None
    if len(key) != 32:
        raise Unreadable
    return key


def _cipher(key: bytes) -> Cipher[CBC]:
    return Cipher(AES(key), CBC(key[:16]))


def _decrypted(cipher: Cipher[CBC], data: bytes) -> bytes:
    if not data or len(data) % 16:
        raise Unreadable
    decryptor = cipher.decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _unpadded(plain: bytes) -> bytes:
    pad = plain[-1]
    if not 1 <= pad <= BLOCK or plain[-pad:] != bytes([pad]) * pad:
        raise Unreadable
    return plain[:-pad]
