"""Callbacks that no honest WeCom sends: a service must refuse them, or live with them."""

import base64

from bot.sandbox.refused import Refused
from bot.sandbox.wecom import inbound, xml
from bot.sandbox.wecom.company import WeComSettings
from bot.sandbox.wecom.crypto import Seal
from bot.sandbox.wecom.pushes import Request

OLD = 20 * 60  # seconds; beyond any replay window
LARGE = 2 << 20
BOMB = '<!DOCTYPE xml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
WAYS = frozenset(
    {
        "signature",
        "timestamp",
        "receiver",
        "truncated",
        "padding",
        "oversized",
        "doctype",
        "inner_doctype",
        "no_msgtype",
        "no_content",
        "unknown_event",
    }
)


def forge(how: str, sender: str, stamp: str, nonce: str, settings: WeComSettings) -> Request:
    """One callback that is wrong in one way. Raises Refused for a way that there is not."""
    if how not in WAYS:
        raise Refused(f"不会这样伪造，可选：{' '.join(sorted(WAYS))}")
    desk = settings.desk
    receiver = "wwsomebodyelse000" if how == "receiver" else settings.corp_id
    seal = Seal(desk.token, desk.encoding_aes_key, receiver)
    if how == "timestamp":
        stamp = str(int(stamp) - OLD)
    encrypt = spoiled(
        how, seal.close(plain(how, sender, int(stamp), settings), stamp, nonce).encrypt
    )
    signature = "0" * 40 if how == "signature" else seal.sign(encrypt, stamp, nonce)
    envelope = xml.write(
        {"ToUserName": settings.corp_id, "AgentID": desk.agent_id, "Encrypt": encrypt}
    )
    if how == "doctype":
        envelope = BOMB + envelope
    query = {"msg_signature": signature, "timestamp": stamp, "nonce": nonce}
    return Request(query, envelope.encode() + b" " * (LARGE if how == "oversized" else 0))


def plain(how: str, sender: str, at: int, settings: WeComSettings) -> str:
    envelope = inbound.Envelope(
        corp_id=settings.corp_id, agent_id=settings.desk.agent_id, sender=sender, at=at
    )
    match how:
        case "inner_doctype":
            return BOMB + inbound.message(envelope, "text", "1", {"Content": "&b;"})
        case "no_msgtype":
            return xml.write(envelope.fields() | {"AgentID": envelope.agent_id})
        case "no_content":
            return inbound.message(envelope, "text", "2", inbound.text_body(""))
        case "unknown_event":
            return inbound.event(envelope, "earthquake", {"EventKey": ""})
        case _:
            return inbound.message(envelope, "text", "3", inbound.text_body("伪造的"))


def spoiled(how: str, encrypt: str) -> str:
    """``encrypt`` cut short, or with its last block broken so that the padding is nonsense."""
    if how == "truncated":
        return encrypt[: len(encrypt) // 2 + 1]
    if how == "padding":
        body = bytearray(base64.b64decode(encrypt))
        body[-17] ^= 0xFF
        return base64.b64encode(bytes(body)).decode()
    return encrypt
