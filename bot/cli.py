"""The commands: parses what was typed, calls one function, prints what came of it.

Heavy modules are imported by the command that needs them, so that ``--help`` answers at once.
"""

import asyncio
import errno
import gc
import json
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from crm.kernel.errors import CommandLineWrong, OutsideError, SettingsError, UserError
from crm.kernel.vault import CannotOpen, KeyFileWrong

app = typer.Typer(
    name="qidesk",
    help="期台：期货公司在企业微信和钉钉里的工作台",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
db = typer.Typer(help="数据库：升级、版本、备份、恢复", no_args_is_help=True)
imports = typer.Typer(help="批量导入", no_args_is_help=True)
staff = typer.Typer(help="员工", no_args_is_help=True)
audit = typer.Typer(help="审计链", no_args_is_help=True)
keys = typer.Typer(help="密钥环", no_args_is_help=True)
search = typer.Typer(help="客户查找索引", no_args_is_help=True)
token = typer.Typer(help="接口令牌", no_args_is_help=True)
for name, group in (
    ("db", db),
    ("import", imports),
    ("staff", staff),
    ("audit", audit),
    ("keys", keys),
    ("search", search),
    ("token", token),
):
    app.add_typer(group, name=name)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", envvar="QIDESK_CONFIG", help="配置文件")
]
AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出")]
Host = Annotated[str, typer.Option(help="监听地址")]
Port = Annotated[int, typer.Option(help="网页端口", min=1, max=65534)]
DataDir = Annotated[Path | None, typer.Option(help="数据目录，默认在用户数据目录")]
Seed = Annotated[int, typer.Option(help="虚构经纪商的种子")]
Clients = Annotated[int, typer.Option(help="虚构客户数", min=200, max=200_000)]
WithMarket = Annotated[bool, typer.Option("--market/--no-market", help="行情自己走动")]


MISUSED = 2  # the exit code, and that of an import that read nothing


def main() -> None:
    """The entry point: every expected trouble is one sentence on stderr."""
    try:
        app()
    except CommandLineWrong as error:
        fail(str(error), MISUSED)
    except (SettingsError, KeyFileWrong, CannotOpen) as error:
        fail(str(error))
    except UserError as error:
        fail(error.text)
    except OutsideError as error:
        fail(f"{error.where} 没有成功：{error.code}")
    except OSError as error:
        fail(in_words(error))
    except KeyboardInterrupt:
        sys.exit(130)


def in_words(error: OSError) -> str:
    """A failure of the system's as one sentence."""
    place = error.filename or ""
    match error:
        case FileNotFoundError():
            return f"找不到文件 {place}"
        case PermissionError():
            return f"没有权限读写 {place}"
        case IsADirectoryError():
            return f"{place} 是目录，请给出文件"
        case ConnectionError():
            return "连不上服务器，请检查地址以及它是否在运行"
        case _ if error.errno == errno.EROFS:
            return f"{place} 所在的磁盘只能读，请检查磁盘和挂载"
        case _ if error.errno == errno.ENOSPC:
            return "磁盘已满，请清理后再试"
        case _ if error.errno == errno.EADDRINUSE:
            return "端口已被占用，请用 --port 换一个"
        case _:
            return f"系统错误 {error.errno}：{place}".rstrip("：")


def fail(sentence: str, code: int = 1) -> NoReturn:
    print(sentence, file=sys.stderr)  # noqa: T201  the command line speaks
    sys.exit(code)


def show(value: object) -> None:
    """JSON on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def _tell_version(*, wanted: bool) -> None:
    from importlib.metadata import version

    if wanted:
        typer.echo(f"qidesk {version('qidesk')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda value: _tell_version(wanted=value),
            help="程序版本",
        ),
    ] = False,
) -> None:
    """期台：期货公司在企业微信和钉钉里的工作台"""


@app.command()
def serve(config: ConfigFile = None) -> None:
    """运行期台服务"""
    gc.disable()  # what is loaded stays: looking through it 300 times is a tenth of the start
    from bot import logs
    from bot.commands import run
    from bot.settings import load

    gc.freeze()
    gc.enable()
    logs.begin()
    with _database_in_words():
        _until_told(lambda stop: run.serve(load(config or _default_config()), stop))


@app.command()
def demo(
    host: Host = "127.0.0.1",
    port: Port = 8088,
    data_dir: DataDir = None,
    seed: Seed = 7,
    clients: Clients = 2000,
    market: WithMarket = True,
) -> None:
    """在本机试用：服务、模拟平台、模拟行情和网页一次起来"""
    from bot import logs
    from bot.commands import trial

    logs.begin()
    options = _options(host, port, data_dir, seed, clients, market=market, together=True)
    _until_told(lambda stop: trial.demo(options, stop, typer.echo))


@app.command()
def sandbox(
    host: Host = "127.0.0.1",
    port: Port = 8088,
    data_dir: DataDir = None,
    seed: Seed = 7,
    clients: Clients = 2000,
    market: WithMarket = True,
) -> None:
    """只起模拟平台、行情和网页；旁边运行 qidesk serve --config 目录/qidesk.toml"""
    from bot import logs
    from bot.commands import trial

    logs.begin()
    options = _options(host, port, data_dir, seed, clients, market=market, together=False)
    _until_told(lambda stop: trial.sandbox(options, stop, typer.echo))


def _options(
    host: str,
    port: int,
    data_dir: Path | None,
    seed: int,
    clients: int,
    *,
    market: bool,
    together: bool,
) -> Any:
    from platformdirs import user_data_path

    from bot.sandbox.launch import Options

    return Options(
        host=host,
        port=port,
        data_dir=(data_dir or user_data_path("qidesk") / "demo").resolve(),
        seed=seed,
        clients=clients,
        market=market,
        service_port=port if together else port + 1,
        wecom=True,
    )


def _default_config() -> Path:
    return Path("qidesk.toml")


def _until_told(job: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run until SIGINT or SIGTERM, then end in order."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await job(stop)

    try:
        asyncio.run(run())
    except ExceptionGroup as group:
        raise _only_one(group) from None


def _only_one(group: ExceptionGroup[Exception]) -> Exception:
    """What went wrong, out of the groups of tasks among which it did."""
    error: Exception = group
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        [error] = error.exceptions
    return error


@app.command()
def check(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """检查配置、凭证、数据库、时钟、数据源和日历"""
    from bot.commands import check as checking
    from bot.settings import load

    file = config or _default_config()
    findings = asyncio.run(checking.check(load(file), file))
    if as_json:
        show([{"part": f.part, "level": f.level, "text": f.text} for f in findings])
    else:
        marks = {"ok": "正常", "warning": "注意", "wrong": "错误"}
        for finding in findings:
            typer.echo(f"{marks[finding.level]}  {finding.part}  {finding.text}")
    if any(finding.level == "wrong" for finding in findings):
        raise typer.Exit(1)


@app.command()
def parse(
    line: Annotated[str | None, typer.Argument(help="一行话")] = None,
    file: Annotated[Path | None, typer.Option(help="每行一个 JSON 对象")] = None,
    at: Annotated[str | None, typer.Option(help="时刻，例如 2026-11-23T10:00+08:00")] = None,
    clients: Annotated[Path | None, typer.Option(help="客户表 YAML，代替数据库")] = None,
    calendar: Annotated[Path | None, typer.Option(help="交易日历 YAML")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """一行话是怎样理解的；只看不做"""
    from bot.commands import parsing
    from bot.settings import load

    if (line is None) == (file is None):
        raise typer.BadParameter("请给出一行话，或用 --file 给出文件，二者取一")
    rows = (
        parsing.read_clients(clients)
        if clients
        else asyncio.run(parsing.stored_clients(load(config or _default_config())))
    )
    days = parsing.read_calendar(calendar)
    for record in parsing.records(line, file, at):
        found = parsing.understand(record, rows, days)
        typer.echo(parsing.as_json(found) if as_json or file else parsing.as_text(found))


@db.command("upgrade")
def db_upgrade(config: ConfigFile = None) -> None:
    """把数据库升级到本程序的版本；首次使用时建库并生成密钥文件"""
    from bot.commands import tables

    typer.echo(_with_settings(config, tables.upgrade))


@db.command("downgrade")
def db_downgrade(
    to: Annotated[str, typer.Argument(help="版本号，例如 0013；旧程序的 db current 会说")],
    config: ConfigFile = None,
) -> None:
    """换回旧程序之前，用新程序把数据库退到旧版本；先停服务、先备份"""
    from bot.commands import tables

    typer.echo(_with_settings(config, lambda settings: tables.downgrade(settings, to)))


@db.command("current")
def db_current(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """数据库的版本"""
    from bot.commands import tables

    found, newest = _with_settings(config, tables.versions)
    if as_json:
        show({"current": found, "newest": newest})
    else:
        typer.echo(f"{found or '空库'}（程序需要 {newest}）")


@db.command("backup")
def db_backup(file: Path, config: ConfigFile = None) -> None:
    """在线备份到一个文件"""
    from bot.commands import tables

    typer.echo(_with_settings(config, lambda settings: tables.backup(settings, file)))


@db.command("restore")
def db_restore(file: Path, config: ConfigFile = None) -> None:
    """从备份恢复到空库，恢复后校验；未发出的消息保留但不发送"""
    from bot.commands import tables

    typer.echo(_with_settings(config, lambda settings: tables.restore(settings, file)))


@db.command("archive")
def db_archive(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """把办完的旧消息、发送记录和审计移到归档文件；服务每天自己也会做"""
    from bot.commands import tables

    counts = _with_settings(config, tables.archive)
    if as_json:
        show(counts)
    else:
        words = "，".join(f"{table} {count} 行" for table, count in counts.items() if count)
        typer.echo(f"已归档：{words}" if words else "没有到期的数据")


def _with_settings(config: Path | None, job: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    from bot.settings import load

    with _database_in_words():
        return asyncio.run(job(load(config or _default_config())))


@contextmanager
def _database_in_words() -> Iterator[None]:
    import sqlite3

    from bot.store.health import in_words

    try:
        yield
    except Exception as error:
        cause = getattr(error, "orig", error)  # SQLAlchemy wraps the driver's own
        if not isinstance(cause, sqlite3.Error) and not _is_postgres(cause):
            raise
        if known := in_words(cause):
            fail(known)
        why = type(cause.__cause__ or cause).__name__
        fail(f"数据库没有完成这个操作（{why}），请稍后再试或运行 qidesk check")


def _is_postgres(error: object) -> bool:
    """One of the driver's own errors, or of SQLAlchemy's coat over it."""
    return type(error).__module__.startswith(("asyncpg.", "sqlalchemy.dialects."))


def _to_be_read(path: Path) -> Path:
    """Before anything else is tried, and with an import's own exit code."""
    try:
        path.open("rb").close()
    except OSError as error:
        fail(in_words(error), MISUSED)
    return path


Sheet = Annotated[Path, typer.Argument(callback=_to_be_read)]


def _told(result: Any, *, as_json: bool) -> NoReturn:
    """An import's result and exit code; a file with nothing in it is one sentence on stderr."""
    if as_json:
        show(result.as_json())
    elif not result.why:
        typer.echo(result.as_text())
    if result.why:
        fail(result.why, result.exit_code)
    raise typer.Exit(result.exit_code)


DryRun = Annotated[bool, typer.Option("--dry-run", help="只看结果，不写入")]


@imports.command("clients")
def import_clients(
    path: Sheet,
    dry_run: DryRun = False,
    rejects: Annotated[Path | None, typer.Option(help="不合格的行写到这个 csv")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """客户台账：Excel 或 csv"""
    from bot.commands import bulk

    def job(settings: Any) -> Coroutine[Any, Any, Any]:
        return bulk.clients(settings, path, dry_run=dry_run, rejects=rejects, quiet=as_json)

    _told(_with_settings(config, job), as_json=as_json)


@imports.command("staff")
def import_staff(path: Sheet, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """员工与营业部：csv，列为 id,name,branch,branch_name,roles,dingtalk,wecom"""
    from bot.commands import bulk

    _told(_with_settings(config, lambda settings: bulk.staff(settings, path)), as_json=as_json)


@imports.command("calendar")
def import_calendar(path: Sheet, config: ConfigFile = None) -> None:
    """交易日历：csv，列为 date,kind,holiday"""
    from bot.commands import bulk

    typer.echo(_with_settings(config, lambda settings: bulk.calendar(settings, path)))


@staff.command("add")
def staff_add(
    staff_id: str,
    name: str,
    role: Annotated[str, typer.Option(help="角色，例如 system_admin")],
    dingtalk: Annotated[str, typer.Option(help="钉钉 userid")] = "",
    wecom: Annotated[str, typer.Option(help="企业微信 userid")] = "",
    config: ConfigFile = None,
) -> None:
    """建立第一批管理员；有了系统管理员后在对话里添加"""
    from bot.commands import bulk

    logins = {k: v for k, v in (("dingtalk", dingtalk), ("wecom", wecom)) if v}

    def job(settings: Any) -> Coroutine[Any, Any, Any]:
        return bulk.first_admin(settings, staff_id, name, role, logins)

    typer.echo(_with_settings(config, job))


@staff.command("disable")
def staff_disable(staff_id: str, config: ConfigFile = None) -> None:
    """立即停用一名员工；客户转给营业部负责人"""
    from bot.commands import bulk

    typer.echo(_with_settings(config, lambda settings: bulk.disable(settings, staff_id)))


@staff.command("bind")
def staff_bind(
    staff_id: str,
    dingtalk: Annotated[str, typer.Option(help="钉钉 userid")] = "",
    wecom: Annotated[str, typer.Option(help="企业微信 userid")] = "",
    config: ConfigFile = None,
) -> None:
    """写明一名员工的平台账号；同一平台原来的账号立即失效"""
    from bot.commands import bulk

    logins = {k: v for k, v in (("dingtalk", dingtalk), ("wecom", wecom)) if v}
    if not logins:
        raise typer.BadParameter("请用 --dingtalk 或 --wecom 写明账号")
    typer.echo(_with_settings(config, lambda settings: bulk.bind(settings, staff_id, logins)))


@staff.command("unbind")
def staff_unbind(
    staff_id: str,
    dingtalk: Annotated[bool, typer.Option("--dingtalk", help="解除钉钉账号")] = False,
    wecom: Annotated[bool, typer.Option("--wecom", help="解除企业微信账号")] = False,
    config: ConfigFile = None,
) -> None:
    """解除一名员工的平台账号，立即生效"""
    from bot.commands import bulk

    platforms = [name for name, wanted in (("dingtalk", dingtalk), ("wecom", wecom)) if wanted]
    if not platforms:
        raise typer.BadParameter("请用 --dingtalk 或 --wecom 指明解除哪一边")
    typer.echo(_with_settings(config, lambda settings: bulk.unbind(settings, staff_id, platforms)))


@audit.command("verify")
def audit_verify(
    export: Annotated[Path | None, typer.Option(help="导出到这个 jsonl")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """校验审计链；断裂时指出位置，退出码 1"""
    from bot.commands import tables

    verdict = _with_settings(config, lambda settings: tables.verify_audit(settings, export))
    if as_json:
        show({"rows": verdict.rows, "broken_at": verdict.broken_at, "why": verdict.why})
    elif verdict.broken_at is None:
        typer.echo(f"审计链完整，共 {verdict.rows} 行")
    if verdict.broken_at is not None:
        fail(f"审计链在第 {verdict.broken_at} 行断裂：{verdict.why}")


@keys.command("rotate")
def keys_rotate(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """换一把新密钥并重新加密已有数据"""
    from bot.commands import tables

    key_id, count = _with_settings(config, tables.rotate_keys)
    if as_json:
        show({"key": key_id, "resealed": count})
    else:
        typer.echo(f"已启用第 {key_id} 把密钥，重新加密 {count} 项")


@search.command("rebuild")
def search_rebuild(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """逐批核对并修正查找索引；服务不用停，客户一直查得到"""
    from bot.commands import search_index

    looked, mended = _with_settings(
        config, lambda settings: search_index.rebuild(settings, quiet=as_json)
    )
    if as_json:
        show({"clients": looked, "mended": mended})
    else:
        typer.echo(f"已核对 {looked} 位客户，修正 {mended} 项")


@token.command("create")
def token_create(
    scopes: Annotated[str, typer.Option(help="权限，逗号分隔，例如 risk:read")],
    name: Annotated[str, typer.Option(help="用途")] = "",
    days: Annotated[int, typer.Option(help="有效天数", min=1, max=3650)] = 365,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """生成接口令牌；只显示这一次"""
    from bot.commands import tokens

    def job(settings: Any) -> Coroutine[Any, Any, Any]:
        return tokens.create(settings, scopes.split(","), name=name, days=days)

    made = _with_settings(config, job)
    if as_json:
        show({"token": made})
    else:
        typer.echo(made)
