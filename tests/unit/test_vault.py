"""The key ring: what it seals opens here and nowhere else."""

import json
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.kernel.vault import Algorithm, CannotOpen, KeyFileWrong, Vault

MOBILE = b"13800138000"
ONE_RING = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=list(Algorithm))
def ring(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    """A key ring of each algorithm in turn."""
    return Vault.create(tmp_path / "ring" / "keys", request.param)


@ONE_RING
@given(plain=st.binary(max_size=300), place=st.text(max_size=40))
def test_what_is_sealed_for_a_place_opens_there(ring: Vault, plain: bytes, place: str) -> None:
    assert ring.open(ring.seal(plain, place), place) == plain


@ONE_RING
@given(plain=st.binary(min_size=6, max_size=60))
def test_a_sealed_value_shows_nothing_and_never_looks_the_same(ring: Vault, plain: bytes) -> None:
    one, other = ring.seal(plain, "personal.value"), ring.seal(plain, "personal.value")
    assert plain not in one
    assert one != other


def test_a_value_that_was_moved_does_not_open(ring: Vault) -> None:
    sealed = ring.seal(MOBILE, "personal.value")
    with pytest.raises(CannotOpen):
        ring.open(sealed, "client.remark")


@ONE_RING
@given(data=st.data())
def test_a_value_with_any_byte_changed_does_not_open(ring: Vault, data: st.DataObject) -> None:
    sealed = bytearray(ring.seal(MOBILE, "personal.value"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CannotOpen):
        ring.open(bytes(sealed), "personal.value")


@ONE_RING
@given(length=st.integers(0, 41))
def test_a_value_that_was_cut_does_not_open(ring: Vault, length: int) -> None:
    sealed = ring.seal(MOBILE, "personal.value")
    with pytest.raises(CannotOpen):
        ring.open(sealed[:length], "personal.value")


def key_of(sealed: bytes) -> int:
    """The number of the key that a value was sealed with, as it stands in front of it."""
    return int.from_bytes(sealed[3:5], "big")


def test_another_ring_opens_nothing(ring: Vault, tmp_path: Path) -> None:
    stranger = Vault.create(tmp_path / "stranger", ring.current.algorithm)
    with pytest.raises(CannotOpen):
        stranger.open(ring.seal(MOBILE, "personal.value"), "personal.value")
    assert stranger.fingerprint != ring.fingerprint


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key(ring: Vault) -> None:
    old = ring.seal(MOBILE, "personal.value")
    ring.rotate()
    new = ring.seal(MOBILE, "personal.value")
    assert ring.open(old, "personal.value") == ring.open(new, "personal.value") == MOBILE
    assert key_of(new) == ring.current.id != key_of(old)


def test_a_rotation_may_change_the_algorithm(tmp_path: Path) -> None:
    ring = Vault.create(tmp_path / "keys")
    old = ring.seal(MOBILE, "personal.value")
    assert ring.rotate(Algorithm.SM4).algorithm is Algorithm.SM4
    assert ring.open(old, "personal.value") == MOBILE
    assert ring.open(ring.seal(MOBILE, "personal.value"), "personal.value") == MOBILE


def test_a_rotation_leaves_the_index_as_it_was(ring: Vault) -> None:
    before = ring.index("mobile", "13800138000")
    ring.rotate()
    assert ring.index("mobile", "13800138000") == before
    assert ring.index("contact", "13800138000") != before


def test_what_another_process_sealed_with_its_new_key_opens_here(ring: Vault) -> None:
    other = Vault(ring.path)
    other.rotate()
    sealed = other.seal(MOBILE, "personal.value")
    assert ring.open(sealed, "personal.value") == MOBILE
    assert key_of(sealed) == ring.current.id


def test_two_rotations_at_once_lose_no_key(tmp_path: Path) -> None:
    rings = [Vault.create(tmp_path / "keys"), *(Vault(tmp_path / "keys") for _ in range(3))]
    sealed: list[bytes] = []

    def rotate(ring: Vault) -> None:
        for _ in range(5):
            key = ring.rotate()
            sealed.append(key.seal(MOBILE, b"personal.value"))

    threads = [threading.Thread(target=rotate, args=(ring,)) for ring in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = Vault(tmp_path / "keys")
    assert [reader.open(each, "personal.value") for each in sealed] == [MOBILE] * 20


def test_only_the_owner_reads_the_key_file(ring: Vault) -> None:
    assert stat.S_IMODE(ring.path.stat().st_mode) == 0o600
    ring.rotate()
    assert stat.S_IMODE(ring.path.stat().st_mode) == 0o600
    assert [path.name for path in ring.path.parent.iterdir()] == ["keys"]


def test_a_key_file_is_never_replaced(ring: Vault) -> None:
    before = ring.path.read_bytes()
    with pytest.raises(FileExistsError):
        Vault.create(ring.path)
    assert ring.path.read_bytes() == before


def test_a_missing_key_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(KeyFileWrong, match="不存在"):
        Vault(tmp_path / "none")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"index_key": "AA==", "keys": []}', "\x00"])
def test_a_damaged_key_file_is_said_in_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys").write_text(content)
    with pytest.raises(KeyFileWrong, match="已损坏"):
        Vault(tmp_path / "keys")


def test_no_trouble_with_a_key_file_shows_a_key(ring: Vault) -> None:
    secret = json.loads(ring.path.read_text())["keys"][0]["secret"]
    ring.path.write_text(ring.path.read_text()[:-5])
    with pytest.raises(KeyFileWrong) as trouble:
        Vault(ring.path)
    assert secret not in f"{trouble.value!r}"
