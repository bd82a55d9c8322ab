"""The proxy lets in what people and platforms need, and nothing else."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SITE = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
HOST = "desk.example.com"
PATIENCE = 20.0
MEGABYTE = 1 << 20

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed here")


@pytest.fixture
async def home() -> AsyncIterator[Path]:
    """Sockets want short paths."""
    with TemporaryDirectory(prefix="qidesk-nginx-") as folder:
        yield Path(folder)


def certify(home: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (home / "tls.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (home / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def configure(home: Path, *, sockets_are_inside: bool = False) -> Path:
    """The site as shipped, but with sockets for ports and files in a folder of its own."""
    text = SITE.read_text(encoding="utf-8")
    for shipped, here in (
        ("listen [::]:80;", ""),
        ("listen [::]:443 ssl;", ""),
        ("listen 80;", f"listen unix:{home}/plain;"),
        ("listen 443 ssl;", f"listen unix:{home}/public ssl;"),
        ("listen 8081;", f"listen unix:{home}/inside;"),
        ("server 127.0.0.1:8080 max_fails=0;", f"server unix:{home}/service;"),
        (f"/etc/nginx/tls/{HOST}.pem", f"{home}/tls.pem"),
        (f"/etc/nginx/tls/{HOST}.key", f"{home}/tls.key"),
        ("/var/log/nginx/qidesk.log", f"{home}/access.log"),
    ):
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    if sockets_are_inside:
        text = text.replace("allow 127.0.0.0/8;", "allow unix:;")
    (home / "site.conf").write_text(text, encoding="utf-8")
    folders = "".join(
        f"{kind}_temp_path {home}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = home / "nginx.conf"
    config.write_text(
        f"daemon off;\nmaster_process off;\npid {home}/pid;\nerror_log {home}/error.log;\n"
        f"events {{}}\nhttp {{\n{folders}include {home}/site.conf;\n}}\n",
        encoding="utf-8",
    )
    return config


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=str(len(await request.read())))


@asynccontextmanager
async def service_at(home: Path) -> AsyncIterator[None]:
    app = web.Application(client_max_size=128 * MEGABYTE)
    app.router.add_route("*", "/{rest:.*}", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(home / "service")).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def nginx_at(home: Path, *, sockets_are_inside: bool = False) -> AsyncIterator[None]:
    assert NGINX is not None
    config = configure(home, sockets_are_inside=sockets_are_inside)
    proxy = await asyncio.create_subprocess_exec(
        NGINX, "-e", f"{home}/error.log", "-c", str(config), "-p", str(home)
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while not (home / "inside").exists():
                assert proxy.returncode is None, (home / "error.log").read_text()
                await asyncio.sleep(0.02)
        yield
    finally:
        proxy.terminate()
        await proxy.wait()


class Outside:
    """Somebody on the internet, or with another ``door`` on the company's network. Speaks HTTP by
    hand, so that nobody tidies up a path on its way."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._secure = ssl.create_default_context(cafile=str(home / "tls.pem"))

    async def call(
        self, path: str, *, door: str = "public", method: str = "GET", size: int = 0
    ) -> int:
        """The status of the answer."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_unix_connection(
                str(self._home / door),
                ssl=self._secure if door == "public" else None,
                server_hostname=HOST if door == "public" else None,
            )
            writer.write(f"{head}Content-Length: {size}\r\n\r\n".encode())
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(send(writer, size))
                line = await reader.readline()
                sending.cancel()
            writer.transport.abort()
        return int(line.split()[1])


async def send(writer: asyncio.StreamWriter, size: int) -> None:
    """As much as is wanted of it."""
    with suppress(ConnectionError):
        for _ in range(size // MEGABYTE):
            writer.write(bytes(MEGABYTE))
            await writer.drain()
        writer.write(bytes(size % MEGABYTE))
        await writer.drain()


@pytest.fixture
async def outside(home: Path) -> AsyncIterator[Outside]:
    certify(home)
    async with service_at(home), nginx_at(home):
        yield Outside(home)


def test_nginx_reads_it_without_a_complaint(home: Path) -> None:
    certify(home)
    assert NGINX is not None
    command = [
        NGINX,
        "-t",
        "-q",
        "-e",
        f"{home}/error.log",
        "-c",
        str(configure(home)),
        "-p",
        str(home),
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (told.stderr, told.returncode) == ("", 0)


@pytest.mark.parametrize(
    "path",
    [
        "/wecom/callback?msg_signature=a&echostr=b",
        "/wecom/callback/",
        "/pages/todo",
        "/pages/back/wecom?code=c",
        "/api/docs",
        "/api/v1/alerts",
    ],
)
async def test_what_people_and_platforms_need_is_let_in(outside: Outside, path: str) -> None:
    assert await outside.call(path) == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/metrics",
        "/healthz",
        "/readyz",
        "/control/clock",
        "/sandbox/say",
        "/sim/dingtalk",
        "/pages/../metrics",
        "/api/../metrics",
        "//metrics",
        "/%6detrics",
        "/wecom/callback/../../metrics",
        "/wecom/callbacks",
    ],
)
async def test_everything_else_is_not_there(outside: Outside, path: str) -> None:
    assert await outside.call(path) in (400, 404)


async def test_a_callback_is_read_or_said_and_nothing_else(outside: Outside) -> None:
    assert await outside.call("/wecom/callback", method="POST", size=100) == 200
    assert await outside.call("/wecom/callback", method="DELETE") == 403


async def test_only_a_snapshot_may_be_large(outside: Outside) -> None:
    big = MEGABYTE + 1
    assert await outside.call("/wecom/callback", method="POST", size=big) == 413
    assert await outside.call("/api/v1/risk/what-if", method="POST", size=big) == 413
    assert await outside.call("/api/v1/push/snapshot", method="POST", size=big) == 200
    assert await outside.call("/api/v1/push/snapshot", method="POST", size=64 * MEGABYTE + 1) == 413


async def test_without_encryption_one_is_sent_to_it(outside: Outside) -> None:
    assert await outside.call("/pages/todo", door="plain") == 308


async def test_figures_are_for_the_own_network(outside: Outside, home: Path) -> None:
    assert await outside.call("/metrics", door="inside") == 403  # a socket is in none of its ranges


async def test_inside_there_are_figures_and_nothing_else(home: Path) -> None:
    certify(home)
    async with service_at(home), nginx_at(home, sockets_are_inside=True):
        inside = Outside(home)
        assert await inside.call("/metrics", door="inside") == 200
        assert await inside.call("/readyz", door="inside") == 200
        assert await inside.call("/pages/todo", door="inside") == 404
        assert await inside.call("/control/clock", door="inside") == 404


async def test_neither_signatures_nor_codes_are_logged(outside: Outside, home: Path) -> None:
    await outside.call("/pages/back/wecom?code=once-only")
    log = home / "access.log"
    async with asyncio.timeout(10):  # it is written after the answer
        while "/pages/back/wecom" not in log.read_text():
            await asyncio.sleep(0.01)
    assert "once-only" not in log.read_text()


@pytest.mark.usefixtures("outside")
async def test_old_encryption_is_refused(home: Path) -> None:
    async def speak(version: ssl.TLSVersion) -> None:
        secure = ssl.create_default_context(cafile=str(home / "tls.pem"))
        secure.set_ciphers("ALL:@SECLEVEL=0")
        secure.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        secure.maximum_version = version
        _, writer = await asyncio.open_unix_connection(
            str(home / "public"), ssl=secure, server_hostname=HOST
        )
        writer.close()

    await speak(ssl.TLSVersion.TLSv1_2)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"), pytest.raises(ssl.SSLError):
        await speak(ssl.TLSVersion.TLSv1_1)
