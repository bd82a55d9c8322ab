"""Whether people's browsers and WeCom find this service at the address it is known by."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

import aiohttp

CALLBACK: Final = "/wecom/callback"
SECONDS: Final = 5.0
SOON: Final = timedelta(days=21)

Found = tuple[Literal["ok", "warning", "wrong"], str]


async def probe(public_url: str, http: aiohttp.ClientSession, now: datetime) -> list[Found]:
    """An empty call to the callback: the service refuses it with 400, everything else is another's
    answer. From inside the network the outer address may not be reachable: that is a warning."""
    if not public_url:
        text = "没有填 [web] public_url：无法检查回调地址，卡片也打不开「我的待办」页面"
        return [("warning", text)]
    address = public_url.rstrip("/") + CALLBACK
    found: list[Found] = []
    if address.startswith("https:"):
        found.append(await _certificate(address, now))
    elif urlsplit(address).hostname not in ("127.0.0.1", "localhost"):
        found.append(("warning", f"{public_url} 不是 https：回调和登录会在网上明文传送"))
    return [*found, await _answer(address, http)]


async def _answer(address: str, http: aiohttp.ClientSession) -> Found:
    try:
        async with asyncio.timeout(SECONDS), http.get(address, allow_redirects=False) as response:
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        why = type(error).__name__
        return ("warning", f"从本机打不开 {address}（{why}）：若外网能打开可忽略，否则请检查网关")
    if status == 400:
        return ("ok", f"{address} 通到期台")
    if status == 503:
        return ("warning", f"{address} 回答 503：服务没有启动，或网关后面没有服务")
    return ("warning", f"{address} 回答 {status}，不是期台：请检查网关是否转发 {CALLBACK}")


async def _certificate(address: str, now: datetime) -> Found:
    """An expired one stops every callback without a word."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or 443
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=True, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        return ("wrong", f"{host} 的证书无效（{error.verify_message}）：企业微信不会投递回调")
    except (OSError, TimeoutError) as error:
        return ("warning", f"从本机连不上 {host}（{type(error).__name__}），没有检查证书")
    certificate = writer.get_extra_info("peercert") or {}
    writer.close()
    return lasting(host, str(certificate.get("notAfter", "")), now)


def lasting(host: str, until: str, now: datetime) -> Found:
    """``until`` as a certificate says it: ``Jun  1 12:00:00 2027 GMT``."""
    try:
        end = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC)
    except ValueError:
        return ("warning", f"{host} 的证书没有有效期")
    days = (end - now).days
    if end - now < SOON:
        return ("warning", f"{host} 的证书还有 {days} 天到期，请续期")
    return ("ok", f"{host} 的证书还有 {days} 天")
