"""``qidesk parse`` from files to lines of JSON, and what it says about a file it cannot read."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.commands import parsing
from crm.kernel.errors import SettingsError

SURNAMES = "赵钱孙李周吴郑王冯褚卫蒋沈韩杨朱秦尤许何吕施孔曹严华金魏陶姜戚谢邹喻柏"
AT = "2026-11-25T10:00:00+08:00"


def client_rows() -> list[str]:
    """Sixty clients of two managers, who have a namesake each, and one manager two."""
    named = ["张伟 wangqiang", "张伟 limin", "陈建国 wangqiang", "陈建国 wangqiang"]
    named += ["查英芳 wangqiang", "单晓明 limin"]
    named += [
        f"{SURNAMES[n % len(SURNAMES)]}{'晓伟' if n < len(SURNAMES) else '文丽'}"
        f" {'wangqiang' if n % 2 else 'limin'}"
        for n in range(54)
    ]
    return [
        f"- {{account: {80010001 + n}, name: {row.split()[0]}, mobile: {13800000000 + 37 * n},"
        f" manager: {row.split()[1]}}}"
        for n, row in enumerate(named)
    ]


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    path = tmp_path / "clients.yaml"
    path.write_text("\n".join(client_rows()), "utf-8")
    return path


@pytest.fixture
def calendar(tmp_path: Path) -> Path:
    path = tmp_path / "calendar.yaml"
    path.write_text("closed: [2027-01-01, 2027-02-08, 2027-02-09]\nno_night: [2026-12-31]\n")
    return path


class TestGivenAFileOfRecords:
    def test_each_line_is_answered_in_order(
        self, tmp_path: Path, clients: Path, calendar: Path
    ) -> None:
        lines = tmp_path / "lines.jsonl"
        said: list[tuple[str, dict[str, object]]] = [
            ("记 张伟 电话 下周三回访", {"person": "wangqiang"}),
            ("记 陈建国 电话 聊了套保", {"person": "wangqiang"}),
            ("查 sxm", {"person": "wangqiang"}),
            ("查 sxm", {"person": "limin"}),
            ("查 张伟", {"person": "limin", "where": "group"}),
            ("查 单晓明", {"person": "limin", "where": "group", "mention": True}),
            ("记 电话 聊了套保，节后回访", {"person": "wangqiang", "client_in_focus": "80010005"}),
            ("提醒 夜盘前 给查英芳打电话", {"person": "wangqiang", "at": "2026-12-31T08:00:00Z"}),
        ]
        lines.write_text(
            "\n".join(
                json.dumps({"id": n, "text": text, "at": AT, **more}, ensure_ascii=False)
                for n, (text, more) in enumerate(said)
            ),
            "utf-8",
        )
        ran = CliRunner().invoke(
            app,
            ["parse", "--file", f"{lines}", "--clients", f"{clients}", "--calendar", f"{calendar}"],
        )
        assert ran.exit_code == 0
        got = [json.loads(line) for line in ran.stdout.splitlines()]
        assert [row["id"] for row in got] == list(range(len(said)))
        assert [(row["verb"], row["write"], row["asked"], row["clients"]) for row in got] == [
            ("log", False, "client", ["80010001", "80010002"]),
            ("log", False, "client", ["80010003", "80010004"]),
            ("look_up", False, None, []),
            ("look_up", False, None, ["80010006"]),
            (None, False, None, []),
            ("look_up", False, None, ["80010006"]),
            ("log", True, None, ["80010005"]),
            ("task", True, None, ["80010005"]),
        ]
        assert got[6]["due"] == {"kind": "date", "at": "2027-01-04T09:00"}
        assert got[7]["due"] == {"kind": "date", "at": "2027-01-04T21:00"}

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            ("not json", "不是有效的 JSON"),
            ("[1]", "应为带 text 的对象"),
            ('{"text": null}', "应为带 text 的对象"),
            ('{"text": "查", "at": "tomorrow"}', "时刻 tomorrow 读不懂"),
            ('{"text": "查", "where": "room"}', "where 应为 private 或 group"),
            ('{"text": "查", "where": []}', "where 应为 private 或 group"),
        ],
    )
    def test_a_bad_one_is_named_by_file_and_line(self, tmp_path: Path, bad: str, said: str) -> None:
        path = tmp_path / "lines.jsonl"
        path.write_text(f'{{"text": "帮助"}}\n\n{bad}\n', "utf-8")
        with pytest.raises(SettingsError) as raised:
            list(parsing.records(None, path, AT))
        assert str(raised.value).startswith(f"{path} 第 3 行：")
        assert said in str(raised.value)

    def test_a_byte_order_mark_is_no_matter_and_another_encoding_is_said(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "lines.jsonl"
        path.write_bytes('\ufeff{"text": "帮助"}'.encode())
        assert [record["text"] for record in parsing.records(None, path, AT)] == ["帮助"]
        path.write_bytes('{"text": "帮助"}'.encode("gb18030"))
        with pytest.raises(SettingsError, match="第 1 行：应存为 UTF-8"):
            list(parsing.records(None, path, AT))


class TestGivenAListOfClients:
    def test_an_account_keeps_its_leading_zeros(self, tmp_path: Path) -> None:
        path = tmp_path / "clients.yaml"
        path.write_text("- {account: 00012345, name: 张三, mobile: null, manager: ~}\n", "utf-8")
        found = parsing.read_clients(path).client("00012345", person="wangqiang")
        assert found is not None
        assert found.own

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("张三", "应为客户的列表"),
            ("- {account: 1}", "第 1 项：缺 account 或 name"),
            ("- {account: [1], name: 张三}", "第 1 项：每一栏只能是一个值"),
            ("- {account: 1", "不是有效的 YAML"),
        ],
    )
    def test_a_bad_one_is_named(self, tmp_path: Path, text: str, said: str) -> None:
        path = tmp_path / "clients.yaml"
        path.write_text(text, "utf-8")
        with pytest.raises(SettingsError) as raised:
            parsing.read_clients(path)
        assert said in str(raised.value)
        assert str(path) in str(raised.value)


class TestGivenACalendar:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("closed: [2026-13-01]", "2026-13-01 不是日期"),
            ("closed: 5", "应为日期的列表"),
            ("holidays: []", "closed 和 no_night"),
        ],
    )
    def test_a_bad_one_is_said(self, tmp_path: Path, text: str, said: str) -> None:
        path = tmp_path / "calendar.yaml"
        path.write_text(text, "utf-8")
        with pytest.raises(SettingsError) as raised:
            parsing.read_calendar(path)
        assert said in str(raised.value)
