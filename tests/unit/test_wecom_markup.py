"""Their XML read without trusting it, ours written so that nothing breaks out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.wecom.markup import Malformed, read_envelope, read_xml, write_xml

BOMB = '<!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>'
OUTSIDE = (
    '<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Encrypt>&a;</Encrypt></xml>'
)
EMPTY = "<!DOCTYPE xml><xml><Encrypt>AAAA</Encrypt></xml>"


@pytest.mark.parametrize(
    "body",
    [
        "<xml><ToUserName><![CDATA[ww1]]></ToUserName><AgentID><![CDATA[7]]></AgentID>"
        "<Encrypt><![CDATA[QUJD+/==]]></Encrypt></xml>",
        "<xml>\n <Encrypt><![CDATA[QUJD+/==]]></Encrypt>\n <AgentID>7</AgentID>\n</xml>\n",
        "<xml><Encrypt>QUJD+/==</Encrypt><Later>x</Later></xml>",
        '<?xml version="1.0"?><xml><Encrypt> QUJD+/== </Encrypt></xml>',
    ],
    ids=["as WeCom writes it", "in another order", "without CDATA", "with a declaration"],
)
def test_the_envelope_is_read_however_it_is_written(body: str) -> None:
    assert read_envelope(body.encode()) == "QUJD+/=="


@pytest.mark.parametrize("body", [BOMB, OUTSIDE, EMPTY])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_in_any_encoding(body: str, encoding: str) -> None:
    with pytest.raises(Malformed):
        read_envelope(body.encode(encoding))
    with pytest.raises(Malformed):
        read_xml(body.encode(encoding))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<xml>",
        b"<xml></xml>",
        b"<xml><Encrypt></Encrypt></xml>",
        b"<xml>&undefined;</xml>",
        b"\xff\xfe\xff",
        b"<a>" * 40 + b"</a>" * 40,
        b'<?xml version="1.0" encoding="x-none"?><xml/>',
    ],
)
def test_what_is_no_envelope_is_refused_without_being_quoted(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read_envelope(body)
    assert str(caught.value) == ""


def test_repeated_children_are_all_read_and_missing_ones_are_empty() -> None:
    root = read_xml(
        b"<xml><A><B><C>1</C><C>2</C></B></A><A><B><C>3</C></B></A><E/></xml>",
    )
    assert [one.text for one in root.every("A", "B", "C")] == ["1", "2", "3"]
    assert root.get("A", "B", "C") == "1"
    assert root.get("E") == root.get("nowhere", "at", "all") == ""


@given(st.text())
def test_any_text_comes_back_and_stays_text(text: str) -> None:
    safe = text.encode(errors="ignore").decode()
    root = read_xml(write_xml({"Title": safe, "After": "x"}).encode())
    assert root.get("After") == "x"
    assert set(root.children) == {"Title", "After"}


def test_a_text_cannot_end_its_own_cdata() -> None:
    written = write_xml({"Title": "a]]><MsgType>x</MsgType>\x00<![CDATA[b"})
    root = read_xml(written.encode())
    assert root.get("Title") == "a]]><MsgType>x</MsgType><![CDATA[b"
    assert root.get("MsgType") == ""


def test_lists_are_siblings_and_objects_nest() -> None:
    written = write_xml({"L": [{"K": "1"}, {"K": "2"}], "N": 7, "B": True, "O": {"P": "q"}})
    root = read_xml(written.encode())
    assert [one.get("K") for one in root.every("L")] == ["1", "2"]
    assert (root.get("N"), root.get("B"), root.get("O", "P")) == ("7", "1", "q")
