"""Prints what a folder of wheels is made of, as a CycloneDX document.

usage: deploy/sbom.py WHEELS
"""

import hashlib
import json
import re
import sys
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

OURS = "qidesk"
FONT_REF = "noto-sans-cjk-sc"
FONT = {
    "type": "data",
    "bom-ref": FONT_REF,
    "name": "Noto Sans CJK SC (subset)",
    "licenses": [{"license": {"id": "OFL-1.1"}}],
}
Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Package:
    """A wheel: what it says of itself, and its digest."""

    told: Message
    sha256: str

    @property
    def name(self) -> str:
        """As in a package URL (PEP 503)."""
        return canonical(self.told["Name"])

    @property
    def ref(self) -> str:
        return f"pkg:pypi/{self.name}@{self.told['Version']}"

    @property
    def licences(self) -> list[Tree]:
        """The expression where there is one, else what the package calls it in a line."""
        if expression := self.told["License-Expression"]:
            return [{"expression": expression}]
        classed = [
            words.rpartition(" :: ")[2]
            for words in self.told.get_all("Classifier", [])
            if words.startswith("License :: ") and words.count(" :: ") > 1
        ]
        named = classed or (self.told["License"] or "").strip().splitlines()[:1]
        return [{"license": {"name": name.strip()}} for name in named]

    def needs(self, others: Mapping[str, str]) -> list[str]:
        """Of the others, those that it may ask for."""
        named = [re.match(r"[\w.-]+", each) for each in self.told.get_all("Requires-Dist", [])]
        names = {canonical(match.group()) for match in named if match}
        return sorted(others[name] for name in names & others.keys())


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read(wheel: Path) -> Package:
    with zipfile.ZipFile(wheel) as archive:
        [place] = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        told = HeaderParser().parsestr(archive.read(place).decode())
    return Package(told, hashlib.sha256(wheel.read_bytes()).hexdigest())


def component(package: Package) -> Tree:
    return {
        "type": "application" if package.name == OURS else "library",
        "bom-ref": package.ref,
        "name": package.told["Name"],
        "version": package.told["Version"],
        "description": package.told["Summary"] or "",
        "hashes": [{"alg": "SHA-256", "content": package.sha256}],
        "licenses": package.licences,
        "purl": package.ref,
    }


def document(packages: Sequence[Package]) -> Tree:
    refs = {package.name: package.ref for package in packages}
    [ours] = [component(each) for each in packages if each.name == OURS]
    depends = [
        {"ref": each.ref, "dependsOn": each.needs(refs) + [FONT_REF] * (each.name == OURS)}
        for each in packages
    ]
    body = {
        "metadata": {"component": ours},
        "components": [*(component(each) for each in packages if each.name != OURS), FONT],
        "dependencies": [*depends, {"ref": FONT_REF}],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        **body,
    }


def main() -> None:
    packages = [read(wheel) for wheel in sorted(Path(sys.argv[1]).glob("*.whl"))]
    told = document(sorted(packages, key=lambda package: package.name))
    json.dump(told, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
