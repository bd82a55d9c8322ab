"""The container and compose files hold together, as far as one sees without an engine."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

HOUSE = Path(__file__).parents[2]
DEPLOY = HOUSE / "deploy"
SCHEMA = Path(__file__).parent / "data" / "compose-spec.json"
OFFICIAL = {"python:3.11-slim-bookworm", "postgres:15", "qidesk"}

Tree = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> Tree:
    found: Tree = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def containerfile() -> str:
    return (DEPLOY / "Containerfile").read_text(encoding="utf-8")


def test_the_compose_file_is_one_by_the_specification(compose: Tree) -> None:
    checker = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [error.message for error in checker.iter_errors(compose)] == []
    wrong = {**compose, "services": {"qidesk": {"imagee": "qidesk"}}}
    assert not checker.is_valid(wrong)


def test_only_official_images_are_named(compose: Tree, containerfile: str) -> None:
    named = {service["image"] for service in compose["services"].values()}
    named |= set(re.findall(r"(?m)^FROM (\S+)", containerfile))
    assert named == OFFICIAL


def test_whatever_a_service_names_is_there(compose: Tree) -> None:
    for service in compose["services"].values():
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
        assert set(service["networks"]) <= set(compose["networks"])
        volumes = {each.split(":")[0] for each in service["volumes"]}
        assert {name for name in volumes if not name.startswith(".")} <= set(compose["volumes"])
        assert set(service.get("depends_on", ())) <= set(compose["services"])


def test_the_database_is_out_of_reach_and_the_desk_only_for_this_machine(compose: Tree) -> None:
    database, desk = compose["services"]["postgres"], compose["services"]["qidesk"]
    assert "ports" not in database
    assert all(compose["networks"][name]["internal"] for name in database["networks"])
    assert desk["ports"] == ["127.0.0.1:8080:8080"]


def test_no_secret_is_in_the_files(compose: Tree, containerfile: str) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or name.endswith("_FILE"), (name, value)
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    assert not re.search(r"(?i)(secret|password|token)=", containerfile)


def test_the_client_of_the_database_is_as_new_as_the_server(
    compose: Tree, containerfile: str
) -> None:
    [client] = re.findall(r"postgresql-client-(\d+)", containerfile)
    assert compose["services"]["postgres"]["image"] == f"postgres:{client}"


def test_the_image_gets_locked_packages_and_every_package_of_ours(containerfile: str) -> None:
    assert "--require-hashes -r requirements.lock" in containerfile
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = re.findall(r"(?m)^COPY (\w+) \1$", containerfile)
    assert sorted(copied) == sorted(packages)
    let_in = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
    needed = {*packages, *re.findall(r"(?m)^COPY (\S+\.\S+)", containerfile), "pyproject.toml"}
    assert {f"!{name}" for name in needed} <= set(let_in)


def test_it_is_not_root_who_runs_it(containerfile: str) -> None:
    last = containerfile.rpartition("\nFROM ")[2]
    assert re.findall(r"(?m)^USER (\S+)", last) == ["10001:10001"]
    assert "HEALTHCHECK" in last
