"""How callbacks are sealed and their answers opened: wechatpy's cryptography, wrapped at once."""

import struct
from dataclasses import dataclass

from wechatpy.crypto.base import PKCS7Encoder, WeChatCipher
from wechatpy.enterprise.crypto import PrpCrypto, WeChatCrypto
from wechatpy.enterprise.exceptions import InvalidCorpIdException
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.utils import WeChatSigner

READS_WRONG = (
    InvalidSignatureException,
    InvalidCorpIdException,
    ValueError,
    IndexError,
    struct.error,
)


class NotOurs(ValueError):
    """Signature, receiver or padding is wrong: whoever sealed it did not have our keys."""


@dataclass(frozen=True, slots=True)
class Sealed:
    encrypt: str
    signature: str


class Seal:
    """``receiver`` is the corp id in callbacks of an app, "" in those of an aibot."""

    def __init__(self, token: str, encoding_aes_key: str, receiver: str) -> None:
        self._token = token
        self._receiver = receiver
        self._crypto = WeChatCrypto(token, encoding_aes_key, receiver)
        self._cipher = PrpCrypto(self._crypto.key)

    def close(self, text: str, timestamp: str, nonce: str) -> Sealed:
        encrypt = self._cipher.encrypt(text, self._receiver).decode()
        return Sealed(encrypt, self.sign(encrypt, timestamp, nonce))

    def sign(self, encrypt: str, timestamp: str, nonce: str) -> str:
        signer = WeChatSigner()
        signer.add_data(self._token, timestamp, nonce, encrypt)
        return str(signer.signature)

    def open(self, encrypt: str, signature: str, timestamp: str, nonce: str) -> str:
        """The plain text of an answer. Raises NotOurs."""
        try:
            return str(self._crypto.check_signature(signature, timestamp, nonce, encrypt))
        except READS_WRONG as error:
            raise NotOurs(type(error).__name__) from error


def seal_file(key: bytes, body: bytes) -> bytes:
    """As an aibot gets pictures and files: the cipher alone, padded to 32."""
    return bytes(WeChatCipher(key).encrypt(PKCS7Encoder.encode(body)))
