"""The key ring: seals personal data and free text, and indexes personal data blindly.

Sealed form: ``q1`` · algorithm (1 byte) · key id (2 bytes) · nonce (12) · ciphertext and tag, with
the place it belongs to (``table.column``) as associated data, so that a value moved elsewhere does
not open. AES-256-GCM by default; SM4-GCM (GB/T 32907) where the broker must use it. Rotation adds
a key; old ones stay to open what they sealed. The index key does not rotate: it would orphan every
look-up by whole value.
"""

import base64
import fcntl
import hmac
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"q1"
HEAD = 5
NONCE = 12
TAG = 16


class Algorithm(StrEnum):
    AES = "aes-256-gcm"
    SM4 = "sm4-gcm"


CODES = {Algorithm.AES: 1, Algorithm.SM4: 2}
KEY_BYTES = {Algorithm.AES: 32, Algorithm.SM4: 16}


class CannotOpen(Exception):
    """A sealed value does not open: its key is missing, or it was changed or moved."""


class KeyFileWrong(Exception):
    """The key file is missing or damaged; ``str()`` is one Chinese sentence."""


@dataclass(frozen=True, slots=True)
class Key:
    id: int
    algorithm: Algorithm
    secret: bytes

    def seal(self, plain: bytes, place: bytes) -> bytes:
        [sealed] = self.seal_all([plain], place)
        return sealed

    def seal_all(self, plains: Sequence[bytes], place: bytes) -> list[bytes]:
        head = MAGIC + bytes([CODES[self.algorithm]]) + self.id.to_bytes(2, "big")
        drawn = token_bytes(NONCE * len(plains))
        nonces = [drawn[start : start + NONCE] for start in range(0, len(drawn), NONCE)]
        encrypt = _aes(self.secret).encrypt if self.algorithm is Algorithm.AES else self._sm4
        return [
            head + nonce + encrypt(nonce, plain, place)
            for nonce, plain in zip(nonces, plains, strict=True)
        ]

    def _sm4(self, nonce: bytes, plain: bytes, place: bytes) -> bytes:
        cipher = Cipher(algorithms.SM4(self.secret), modes.GCM(nonce)).encryptor()
        cipher.authenticate_additional_data(place)
        return cipher.update(plain) + cipher.finalize() + cipher.tag

    def open(self, nonce: bytes, body: bytes, place: bytes) -> bytes:
        if self.algorithm is Algorithm.AES:
            return _aes(self.secret).decrypt(nonce, body, place)
        cipher = Cipher(algorithms.SM4(self.secret), modes.GCM(nonce, body[-TAG:])).decryptor()
        cipher.authenticate_additional_data(place)
        return cipher.update(body[:-TAG]) + cipher.finalize()


@lru_cache(maxsize=16)
def _aes(secret: bytes) -> AESGCM:
    """Made once: it costs more than a small value's sealing."""
    return AESGCM(secret)


class Vault:
    """Seals with the newest key, opens with any, and follows the file when another process
    rotates it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._load()

    @classmethod
    def create(cls, path: Path, algorithm: Algorithm = Algorithm.AES) -> "Vault":
        """Make a new key file. Raises FileExistsError rather than replace one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        index_key = base64.b64encode(token_bytes(32)).decode()
        with _alone(path.parent):
            if path.exists():
                raise FileExistsError(path)
            _write(path, {"index_key": index_key, "keys": [_new_key(1, algorithm)]})
        return cls(path)

    def _load(self) -> None:
        self._stamp = self._stamp_of_file()
        try:
            stored = json.loads(self.path.read_text())
            keys = [
                Key(k["id"], Algorithm(k["algorithm"]), base64.b64decode(k["secret"]))
                for k in stored["keys"]
            ]
            self._current = keys[-1]
            self._index_key = base64.b64decode(stored["index_key"])
        except FileNotFoundError as error:
            raise KeyFileWrong(
                f"密钥文件 {self.path} 不存在；没有它，已有的数据无法解密；"
                "新安装请先运行 qidesk db upgrade"
            ) from error
        except (ValueError, LookupError, TypeError):  # a parser's error quotes the file: not kept
            raise KeyFileWrong(f"密钥文件 {self.path} 已损坏，请从备份恢复") from None
        self._keys = {key.id: key for key in keys}

    @property
    def current(self) -> Key:
        return self._current

    @property
    def fingerprint(self) -> str:
        """Names this key ring without telling anything of it: a backup says which it needs."""
        return sha256(b"qidesk key ring" + self._index_key).hexdigest()[:16]

    def rotate(self, algorithm: Algorithm | None = None) -> Key:
        """Add a key and seal with it from now on."""
        with _alone(self.path.parent):
            stored = json.loads(self.path.read_text())
            new_id = max(key["id"] for key in stored["keys"]) + 1
            stored["keys"].append(_new_key(new_id, algorithm or self._current.algorithm))
            _write(self.path, stored)
        self._load()
        return self._current

    def _stamp_of_file(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _follow(self) -> None:
        """Another process may have rotated; a file that is out of reach changes nothing."""
        stamp = self._stamp_of_file()
        if stamp not in (None, self._stamp):
            self._load()

    def seal(self, plain: bytes, place: str) -> bytes:
        """``plain`` sealed for ``place`` (``table.column``)."""
        [sealed] = self.seal_all([plain], place)
        return sealed

    def seal_all(self, plains: Sequence[bytes], place: str) -> list[bytes]:
        """``seal`` for many values of one place."""
        self._follow()
        return self._current.seal_all(plains, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises CannotOpen."""
        if sealed[:2] != MAGIC or len(sealed) < HEAD + NONCE + TAG:
            raise CannotOpen("not a sealed value")
        key_id = int.from_bytes(sealed[3:5], "big")
        if key_id not in self._keys:
            self._load()  # another process rotated
        key = self._keys.get(key_id)
        if key is None or sealed[2] != CODES[key.algorithm]:
            raise CannotOpen(f"key {key_id} is not in the key ring")
        try:
            return key.open(sealed[HEAD : HEAD + NONCE], sealed[HEAD + NONCE :], place.encode())
        except InvalidTag as error:
            raise CannotOpen(f"a value of {place} was changed or moved") from error

    def index(self, kind: str, value: str) -> bytes:
        """A blind index: equal values of a kind give equal bytes, and nothing else is told."""
        return hmac.digest(self._index_key, f"{kind}\0{value}".encode(), "sha256")


def _new_key(key_id: int, algorithm: Algorithm) -> dict[str, object]:
    secret = base64.b64encode(token_bytes(KEY_BYTES[algorithm])).decode()
    return {"id": key_id, "algorithm": algorithm.value, "secret": secret}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time changes a key file here; afterwards its new name is on disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, content: dict[str, object]) -> None:
    """Durably and readable by the owner alone; a crash leaves the old file or the new one."""
    draft = path.with_suffix(path.suffix + ".new")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
