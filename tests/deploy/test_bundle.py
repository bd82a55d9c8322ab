"""What the bundle says of its contents, and what its installation refuses."""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
HERE = f"{platform.system()} {platform.machine()}"


def wheel(folder: Path, name: str, version: str, *lines: str) -> str:
    """A wheel with nothing but its metadata; its digest."""
    file = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    metadata = "\n".join((f"Name: {name}", f"Version: {version}", *lines))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name.replace('-', '_')}-{version}.dist-info/METADATA", metadata)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def listed(folder: Path) -> dict[str, Any]:
    command = [sys.executable, str(DEPLOY / "sbom.py"), str(folder)]
    found: dict[str, Any] = json.loads(
        subprocess.run(command, capture_output=True, check=True).stdout
    )
    return found


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    wheel(
        tmp_path,
        "qidesk",
        "1.0",
        "License-Expression: Apache-2.0",
        "Requires-Dist: Zope.Interface>=5 ; python_version < '4'",
        "Requires-Dist: not-here",
    )
    return tmp_path


def test_every_wheel_is_listed_with_its_digest_and_licence(wheels: Path) -> None:
    digest = wheel(
        wheels,
        "zope-interface",
        "7.1",
        "Summary: Interfaces",
        "Classifier: License :: OSI Approved :: Zope",
    )
    told = listed(wheels)
    [zope] = [each for each in told["components"] if each["name"] == "zope-interface"]
    assert zope["purl"] == "pkg:pypi/zope-interface@7.1"
    assert zope["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert zope["licenses"] == [{"license": {"name": "Zope"}}]
    assert told["metadata"]["component"]["licenses"] == [{"expression": "Apache-2.0"}]


def test_it_says_who_needs_whom_and_that_there_is_a_font(wheels: Path) -> None:
    wheel(wheels, "zope-interface", "7.1")
    told = listed(wheels)
    needs = {each["ref"]: each.get("dependsOn", []) for each in told["dependencies"]}
    assert needs["pkg:pypi/qidesk@1.0"] == ["pkg:pypi/zope-interface@7.1", "noto-sans-cjk-sc"]
    assert set(needs) == {
        "pkg:pypi/qidesk@1.0",
        *(each["bom-ref"] for each in told["components"]),
    }


def test_the_same_wheels_make_the_same_list(wheels: Path) -> None:
    assert listed(wheels) == listed(wheels)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """An unpacked bundle for this machine, without wheels."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    shutil.copy(DEPLOY / "install", folder)
    (folder / "VERSION").write_text("1.0\n")
    (folder / "PYTHON").write_text("{}.{}\n".format(*sys.version_info[:2]))
    (folder / "MACHINE").write_text(f"{HERE}\n")
    digest = hashlib.sha256(b"1.0\n").hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  ./VERSION\n")
    return folder


def install(bundle: Path, prefix: Path) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHON": sys.executable}
    command = [str(bundle / "install"), str(prefix)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("PYTHON", "2.7\n", "Python 2.7"),
        ("MACHINE", "Linux pdp11\n", "Linux pdp11"),
        ("VERSION", "1.1\n", "已损坏"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_made(
    bundle: Path, tmp_path: Path, file: str, text: str, said: str
) -> None:
    (bundle / file).write_text(text)
    told = install(bundle, tmp_path / "opt")
    assert told.returncode == 1
    assert said in told.stderr
    assert not (tmp_path / "opt").exists()


def test_an_installation_that_failed_is_not_pointed_at(bundle: Path, tmp_path: Path) -> None:
    current = tmp_path / "opt" / "current"
    (tmp_path / "opt" / "0.9").mkdir(parents=True)
    current.symlink_to("0.9")
    told = install(bundle, tmp_path / "opt")  # there is no requirements.lock
    assert told.returncode != 0
    assert current.readlink() == Path("0.9")
    assert not (tmp_path / "opt" / "1.0" / ".complete").exists()
