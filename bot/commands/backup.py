"""A backup: one zip of the database, the audit chain's head and a manifest that says what it is."""

import asyncio
import base64
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.commands.dumps import dumper_of
from crm.kernel.clock import Clock
from crm.kernel.errors import SettingsError
from crm.kernel.vault import CannotOpen, Vault

MANIFEST = "manifest.json"
HEAD = "audit.head"
FORMAT = 1
CHUNK = 1 << 20
PROBE_PLACE = "backup.probe"
PROBE = b"qidesk"


class Member(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    size: int
    sha256: str


class Manifest(BaseModel):
    """``probe`` is sealed with the newest key: who opens it has the key ring, whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    made_at: datetime
    schema_version: str
    key_file: str
    key_ring: str  # fingerprint
    newest_key: int
    probe: str
    audit_head: str  # "" when nothing was ever put down
    members: list[Member]

    def must_open(self, vault: Vault) -> None:
        """Raises SettingsError unless this is the key ring that the backup needs."""
        if vault.fingerprint != self.key_ring:
            raise SettingsError(
                f"密钥文件 {vault.path}（指纹 {vault.fingerprint}）不是这份备份的："
                f"需要指纹为 {self.key_ring} 的密钥文件，原名 {self.key_file}；没有做任何改动"
            )
        try:
            vault.open(base64.b64decode(self.probe), PROBE_PLACE)
        except CannotOpen as error:
            raise SettingsError(
                f"密钥文件 {vault.path} 比备份旧，缺少第 {self.newest_key} 把密钥，"
                "请放回备份当时的密钥文件；没有做任何改动"
            ) from error


async def make(
    *, url: str, vault: Vault, head_file: Path, schema_version: str, clock: Clock, file: Path
) -> Manifest:
    """Write the backup, whole or not at all. Raises SettingsError where ``file`` exists."""
    _must_be_free(file)
    dumper = dumper_of(url)
    made_at = clock.now()
    with tempfile.TemporaryDirectory(prefix=".qidesk-backup-", dir=file.parent) as folder:
        head = await asyncio.to_thread(_read_head, head_file)  # before the dump: never ahead of it
        dump = Path(folder) / dumper.member
        await dumper.dump(dump)
        copy = Path(folder) / HEAD
        copy.write_text(head)
        members = [await asyncio.to_thread(_measure, one) for one in (dump, copy)]
        manifest = Manifest(
            format=FORMAT,
            made_at=made_at,
            schema_version=schema_version,
            key_file=vault.path.name,
            key_ring=vault.fingerprint,
            newest_key=vault.current.id,
            probe=base64.b64encode(vault.seal(PROBE, PROBE_PLACE)).decode(),
            audit_head=head.strip(),
            members=members,
        )
        await asyncio.to_thread(_pack, Path(folder), manifest, file)
    return manifest


def _must_be_free(file: Path) -> None:
    if file.exists():
        raise SettingsError(f"{file} 已经存在，请换一个文件名")
    if not file.parent.is_dir():
        raise SettingsError(f"目录 {file.parent} 不存在")


def _read_head(head_file: Path) -> str:
    try:
        return head_file.read_text()
    except FileNotFoundError:
        return ""


def _measure(file: Path) -> Member:
    with file.open("rb") as stream:
        digest = sha256()
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return Member(name=file.name, size=file.stat().st_size, sha256=digest.hexdigest())


def _pack(folder: Path, manifest: Manifest, file: Path) -> None:
    """Client names lie open in the dump: the file is its owner's alone."""
    draft = folder / "backup.zip"
    with (
        os.fdopen(os.open(draft, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600), "w+b") as stream,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
        for member in manifest.members:
            archive.write(folder / member.name, member.name)
    sync(draft)
    draft.replace(file)
    sync(file.parent)


def sync(path: Path) -> None:
    """What was written to a file, or which files are in a folder, survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def opened(file: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """A backup to read from. Raises SettingsError for what is none. Blocks."""
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = Manifest.model_validate_json(archive.read(MANIFEST))
            if manifest.format != FORMAT:
                raise SettingsError(f"{file} 的备份格式 {manifest.format} 本程序不认识，请升级程序")
            yield archive, manifest
    except FileNotFoundError as error:
        raise SettingsError(f"找不到备份文件 {file}") from error
    except (zipfile.BadZipFile, KeyError, ValidationError) as error:
        raise SettingsError(f"{file} 不是期台的备份文件，或已损坏") from error


def read_manifest(file: Path) -> Manifest:
    """Blocks. Raises SettingsError."""
    with opened(file) as (_, manifest):
        return manifest


def unpack(file: Path, folder: Path) -> None:
    """Every member into ``folder``, compared with the manifest. Raises SettingsError. Blocks."""
    with opened(file) as (archive, manifest):
        for member in manifest.members:
            target = folder / Path(member.name).name
            with archive.open(member.name) as source, target.open("wb") as stream:
                while chunk := source.read(CHUNK):
                    stream.write(chunk)
            if _measure(target) != member:
                raise SettingsError(
                    f"备份里的 {member.name} 与清单不符，备份已损坏；没有做任何改动"
                )
