"""The operator's commands as typed: exit codes, one sentence on stderr, JSON on stdout."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import cli
from bot.store.versions import newest

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    """A command line on an installation of its own: (exit code, stdout, stderr)."""
    config = tmp_path / "qidesk.toml"
    config.write_text('[store]\nurl = "sqlite+aiosqlite:///qidesk.db"\n')
    monkeypatch.setenv("QIDESK_CONFIG", str(config))
    monkeypatch.chdir(tmp_path)

    def _type(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["qidesk", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return _type


@pytest.fixture
def ready(typed: Typed, tmp_path: Path) -> Typed:
    assert typed("db", "upgrade")[0] == 0
    (tmp_path / "staff.csv").write_text(
        "id,name,branch,branch_name,roles,dingtalk\n"
        "wangqiang,王强,HZ,杭州营业部,manager,wangqiang\n"
        "sunfang,孙芳,HZ,,head,sunfang\n"
    )
    assert typed("import", "staff", "staff.csv")[0] == 0
    return typed


def ledger(tmp_path: Path, *rows: str) -> str:
    path = tmp_path / "clients.csv"
    path.write_text("\n".join(["资金账号,客户姓名,手机号,客户经理", *rows]))
    return str(path)


def test_a_store_without_tables_is_told_to_be_upgraded(typed: Typed) -> None:
    told = json.loads(typed("db", "current", "--json")[1])
    assert told == {"current": "", "newest": newest()}
    code, _, sentence = typed("audit", "verify")
    assert (code, sentence.count("\n")) == (1, 1)


def test_the_store_and_its_keys_are_their_owners_alone(ready: Typed, tmp_path: Path) -> None:
    modes = [
        stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("qidesk.db", "qidesk.keys")
    ]
    assert modes == [0o600, 0o600]


def test_an_import_ends_with_0_3_or_2(ready: Typed, tmp_path: Path) -> None:
    good, bad = "80010001,张三丰,13800138000,王强", "80010002,李四,1380013,王强"
    code, out, _ = ready("import", "clients", ledger(tmp_path, good), "--json")
    assert (code, json.loads(out)["taken"]) == (0, 1)
    code, out, _ = ready(
        "import", "clients", ledger(tmp_path, good, bad), "--json", "--rejects", "rejects.csv"
    )
    told = json.loads(out)
    assert (code, told["unchanged"], told["rejected"]) == (3, 1, 1)
    [reject] = told["rejects"]
    assert reject.keys() == {"row", "column", "value_masked", "why"}
    assert (reject["row"], reject["column"]) == (3, "手机号")
    assert len((tmp_path / "rejects.csv").read_text(encoding="utf-8").splitlines()) == 2
    code, out, sentence = ready("import", "clients", ledger(tmp_path, "合计,,,"))
    assert (code, out, sentence.count("\n")) == (2, "", 1)


def test_backup_bind_disable_rotate_verify_and_archive_follow_one_another(
    ready: Typed, tmp_path: Path
) -> None:
    ready("import", "clients", ledger(tmp_path, "80010001,张三丰,13800138000,王强"), "--json")
    assert ready("db", "backup", "one.zip")[0] == 0
    assert "已绑定企业微信 wx-1" in ready("staff", "bind", "wangqiang", "--wecom", "wx-1")[1]
    assert "已解除企业微信 wx-1" in ready("staff", "unbind", "wangqiang", "--wecom")[1]
    assert [ready("staff", word, "wangqiang")[0] for word in ("bind", "unbind")] == [2, 2]
    assert "转给 孙芳" in ready("staff", "disable", "wangqiang")[1]
    assert json.loads(ready("keys", "rotate", "--json")[1])["key"] == 2
    assert json.loads(ready("token", "create", "--scopes", "risk:read", "--json")[1])["token"]
    assert json.loads(ready("audit", "verify", "--json")[1])["broken_at"] is None
    assert ready("db", "archive")[:2] == (0, "没有到期的数据\n")
    code, _, sentence = ready("db", "restore", "one.zip")
    assert (code, "不是空的" in sentence) == (1, True)


def test_search_keys_are_compared_while_a_bar_shows_how_far(ready: Typed, tmp_path: Path) -> None:
    path = ledger(tmp_path, "80010001,张三丰,13800138000,wangqiang")
    assert ready("import", "clients", path, "--json")[0] == 0
    assert json.loads(ready("search", "rebuild", "--json")[1]) == {"clients": 1, "mended": 0}
    code, said, bar = ready("search", "rebuild")
    assert (code, said) == (0, "已核对 1 位客户，修正 0 项\n")
    assert "1/1" in bar


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("import", "clients", "."), ". 是目录，请给出文件"),
        (("import", "clients", "none.csv"), "找不到文件 none.csv"),
        (("token", "create", "--scopes", "foo:bar"), "不认识的权限 foo:bar"),
        (("parse", "查 张三", "--at", "yesterday"), "时刻 yesterday 读不懂"),
    ],
)
def test_what_was_typed_wrong_is_one_sentence_and_ends_with_2(
    ready: Typed, words: tuple[str, ...], says: str
) -> None:
    code, out, sentence = ready(*words)
    assert (code, out, sentence.count("\n")) == (2, "", 1)
    assert says in sentence
