"""What an import would change, before it changes anything."""

from crm.imports.plan import comparable, plan
from crm.imports.records import ClientRow


def row(account: str, **fields: object) -> ClientRow:
    given = {"name": "张三", "id_no": "110101199003079972", "mobile": "13800138000", **fields}
    return ClientRow(sheet=None, row=2, fund_account=account, **given)  # type: ignore[arg-type]


STORED = comparable(row("80010001", remark="老客户", manager="limin"))


def test_an_unknown_account_is_new() -> None:
    found = plan([row("80010002")], {"80010001": STORED})
    assert [one.fund_account for one in found.new] == ["80010002"]


def test_what_the_file_does_not_say_stays() -> None:
    found = plan([row("80010001", mobile=None)], {"80010001": STORED})
    assert [one.fund_account for one in found.unchanged] == ["80010001"]
    assert (found.new, found.update, found.conflict) == ((), (), ())


def test_an_update_names_the_fields_that_differ() -> None:
    found = plan([row("80010001", mobile="13900139000", tags=("螺纹",))], {"80010001": STORED})
    assert [change.fields for change in found.update] == [("mobile", "tags")]


def test_a_corrected_document_is_an_update_but_another_person_is_a_conflict() -> None:
    corrected = row("80010001", id_no="11010519491231002X")
    other = row("80010001", id_no="11010519491231002X", name="李四")
    assert len(plan([corrected], {"80010001": STORED}).update) == 1
    assert len(plan([other], {"80010001": STORED}).conflict) == 1


def test_applying_an_import_twice_changes_nothing_the_second_time() -> None:
    rows = [row("80010001"), row("80010002", branch="HZ", trading_codes=(("SHFE", "00123456"),))]
    stored = {one.fund_account: comparable(one) for one in rows}
    assert plan(rows, stored).unchanged == tuple(rows)
