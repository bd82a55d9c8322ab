"""A network of two machines, one of which can be cut off."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

IP = "/usr/sbin/ip"


@dataclass(frozen=True, slots=True)
class Net:
    """``near`` is this machine's address, ``far`` the other one's."""

    name: str
    near: str
    far: str

    @property
    def inside(self) -> tuple[str, ...]:
        """Begins a command that runs on the other machine."""
        return (IP, "netns", "exec", self.name)

    def cut(self) -> None:
        """From now on packets go nowhere; nobody is told."""
        _ip("-n", self.name, "link", "set", "far", "down")

    def mend(self) -> None:
        _ip("-n", self.name, "link", "set", "far", "up")


def possible() -> bool:
    """Network namespaces are for root, and not inside every container."""
    if os.geteuid() != 0 or shutil.which(IP) is None:
        return False
    tried = subprocess.run(("unshare", "-n", "true"), check=False, capture_output=True)
    return tried.returncode == 0


@contextmanager
def two_machines() -> Iterator[Net]:
    number = random.randrange(1, 250)
    net = Net(f"qidesk{number}", f"10.231.{number}.1", f"10.231.{number}.2")
    near = f"qd{number}"
    _ip("netns", "add", net.name)
    try:
        _ip("link", "add", near, "type", "veth", "peer", "name", "far", "netns", net.name)
        _ip("addr", "add", f"{net.near}/24", "dev", near)
        _ip("link", "set", near, "up")
        _ip("-n", net.name, "addr", "add", f"{net.far}/24", "dev", "far")
        _ip("-n", net.name, "link", "set", "lo", "up")
        net.mend()
        yield net
    finally:
        _ip("netns", "del", net.name)


def _ip(*what: str) -> None:
    subprocess.run((IP, *what), check=True, capture_output=True)
