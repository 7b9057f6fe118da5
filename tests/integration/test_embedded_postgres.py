"""The embedded server starts, keeps what it was given, recovers, and leaves nothing behind, whoever runs it."""

import asyncio
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from infra import postgres_placement
from infra.data_directory import DataDirectory, DataDirectoryInUse, DataDirectoryUnusable
from infra.embedded_postgres import ELSEWHERE, EmbeddedPostgres, reachable_postgres, running_dsn
from infra.postgres_binaries import copied_binaries, installed_binaries
from infra.postgres_cluster import SERVER_SETTINGS, EmbeddedPostgresFailed
from infra.postgres_placement import LAUNCHER
from tests.integration.embedded_server import (
    IS_ROOT,
    Rows,
    as_plain_user,
    holding,
    last_line,
    left_after,
    mode_of,
    move,
    owner_of,
    process_of,
    processes_in,
    program_of,
    socket_of,
    user_of,
)

only_root = pytest.mark.skipif(not IS_ROOT, reason="needs root")
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
async def used(open_directory: Path) -> Path:
    """Return a data directory that has a cluster: the tests take turns with it, for making one takes its time."""
    path = open_directory / "used"
    (path / "postgres.unfinished" / "base").mkdir(parents=True)  # as a start that was killed leaves it
    path.chmod(0o711 if IS_ROOT else 0o700)
    async with EmbeddedPostgres(path, homes=[]):
        return path


@pytest.fixture
def data_dir(used: Path) -> Iterator[Path]:
    """Return the data directory, at its place and with nothing running in it."""
    yield used
    assert not left_after(5, used / "postgres")


@pytest.fixture
def rows() -> Rows:
    return Rows(f"kept_{next(NUMBERS)}")


@pytest.fixture
def closed(open_directory: Path) -> Iterator[Path]:
    """Return a directory that only its owner can enter, like root's home."""
    path = open_directory / "closed"
    path.mkdir(mode=0o700)
    yield path
    shutil.rmtree(path)


async def value(server: EmbeddedPostgres, query: str) -> object:
    connection = await asyncpg.connect(server.dsn())
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("show fsync", "on"),
        ("show synchronous_commit", "on"),
        ("show full_page_writes", "on"),
        ("show data_checksums", "on"),
        ("show listen_addresses", ""),
        ("show server_encoding", "UTF8"),
        ("select string_agg(c, '' order by c) from unnest('{b,B,ä,a,A,Z}'::text[]) c", "ABZabä"),
        ("select upper('ä')", "Ä"),
        ("select current_user::text || current_database()", "annalspostgres"),
    ],
)
async def test_the_server_is_durable_and_local_and_sorts_by_code_point(
    postgres_server: EmbeddedPostgres, query: str, expected: str
) -> None:
    assert await value(postgres_server, query) == expected


async def test_only_the_servers_user_and_root_can_enter_the_directory_of_the_socket(
    postgres_server: EmbeddedPostgres,
) -> None:
    socket = socket_of(postgres_server.dsn())
    assert mode_of(socket) == 0o700
    assert socket.owner() != "root"


async def test_the_server_is_no_part_of_our_process_group_so_that_ctrl_c_is_ours_alone(
    postgres_server: EmbeddedPostgres,
) -> None:
    assert postgres_server.pid is not None
    assert os.getsid(postgres_server.pid) != os.getsid(0)


def test_a_cluster_whose_making_was_interrupted_was_made_anew(used: Path) -> None:
    assert (used / "postgres" / "PG_VERSION").exists()
    assert not (used / "postgres.unfinished").exists()


async def test_rows_are_there_again_after_a_stop_and_a_start(data_dir: Path, rows: Rows) -> None:
    for number in (1, 2):
        async with EmbeddedPostgres(data_dir, homes=[]) as server:
            await rows.write(server.dsn(), number)
    async with EmbeddedPostgres(data_dir, homes=[]) as server:
        assert await rows.kept(server.dsn()) == [1, 2]


@only_linux
async def test_a_stopped_server_leaves_no_process_and_no_socket(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, homes=[]):
        assert processes_in(data_dir / "postgres")
    assert not processes_in(data_dir / "postgres")
    assert not (data_dir / "socket").exists()
    assert "database system is shut down" in last_line(data_dir / "postgres.log")


async def test_a_data_directory_can_be_moved_and_have_a_name_too_long_for_a_socket(data_dir: Path, rows: Rows) -> None:
    async with EmbeddedPostgres(data_dir, homes=[]) as server:
        await rows.write(server.dsn(), 1)
    long = data_dir.with_name("x" * 90)
    move(data_dir, long)
    try:
        async with EmbeddedPostgres(long, homes=[]) as server:
            assert await rows.kept(server.dsn()) == [1]
            socket = socket_of(server.dsn())
            assert socket.parent == Path(ELSEWHERE)
            assert mode_of(socket) == 0o700
            assert await running_dsn(long) == server.dsn()
        assert not socket.exists()
    finally:
        move(long, data_dir)


async def test_a_second_start_is_refused_and_names_the_process_that_has_the_directory(data_dir: Path) -> None:
    with holding(data_dir) as holder:
        with pytest.raises(DataDirectoryInUse, match=f"{data_dir} is in use by process {holder.process.pid}: stop it"):
            await EmbeddedPostgres(data_dir, homes=[]).start()
        assert await running_dsn(data_dir) == holder.answer["dsn"], "the refused one has done no harm"


@only_linux
async def test_no_process_is_left_when_the_parent_is_killed_and_the_next_start_has_its_rows(
    data_dir: Path, rows: Rows
) -> None:
    with holding(data_dir) as holder:
        await rows.write(holder.answer["dsn"], 1)
        assert holder.answer["pid"] in processes_in(data_dir / "postgres")
        holder.process.kill()
        async with EmbeddedPostgres(data_dir, homes=[]) as server:
            assert await rows.kept(server.dsn()) == [1]
            assert holder.answer["pid"] not in processes_in(data_dir / "postgres")
    assert not left_after(5, data_dir / "postgres")


@only_linux
async def test_a_start_waits_for_the_former_server_to_end(data_dir: Path) -> None:
    with holding(data_dir) as holder:
        os.kill(holder.answer["pid"], signal.SIGSTOP)
        holder.process.kill()
        holder.process.wait()
        server = EmbeddedPostgres(data_dir, homes=[])
        with capture_logs() as logs:
            starting = asyncio.create_task(server.start())
            await asyncio.sleep(0.3)
            os.kill(holder.answer["pid"], signal.SIGCONT)
            await starting
        assert [line["pid"] for line in logs if "waiting for the former" in line["event"]] == [
            str(holder.answer["pid"])
        ]
        assert holder.answer["pid"] not in processes_in(data_dir / "postgres")
        await server.stop()


@only_linux
@pytest.mark.parametrize(
    ("step", "instead"),
    [
        pytest.param("prctl(PR_SET_PDEATHSIG, signal.SIGINT", "prctl(PR_SET_PDEATHSIG, 0", id="no signal"),
        pytest.param(
            "    if user != ",
            "        prctl(PR_SET_PDEATHSIG, signal.SIGINT)\n        prctl = lambda *_: 0\n    if user != ",
            id="the signal before the change of user",
            marks=only_root,
        ),
    ],
)
def test_a_launcher_that_misses_a_step_leaves_the_server_behind(data_dir: Path, step: str, instead: str) -> None:
    text = LAUNCHER.read_text()
    assert step in text
    launcher = data_dir / "launcher.py"
    launcher.write_text(text.replace(step, instead))
    with holding(data_dir, str(launcher)) as holder:
        holder.process.kill()
        holder.process.wait()
        assert holder.answer["pid"] in left_after(0.5, data_dir / "postgres")
        os.kill(holder.answer["pid"], signal.SIGINT)


@only_linux
def test_the_server_shuts_down_in_order_when_its_parent_is_terminated(data_dir: Path) -> None:
    with holding(data_dir) as holder:
        holder.process.terminate()
        assert not left_after(5, data_dir / "postgres")
    assert "database system is shut down" in last_line(data_dir / "postgres.log")


def test_a_launcher_whose_kernel_has_no_parent_death_signal_watches_its_standard_input() -> None:
    program = f"import sys; sys.platform = 'another'; exec(compile({LAUNCHER.read_text()!r}, 'launcher', 'exec'))"
    command = [sys.executable, "-c", program, str(os.getpid()), "-", "/", "/bin/sleep", "60"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(5) == -signal.SIGINT


async def test_a_killed_server_comes_back_by_itself_with_its_rows(data_dir: Path, rows: Rows) -> None:
    async with EmbeddedPostgres(data_dir, homes=[]) as server:
        for number in (1, 2):
            await rows.write(server.dsn(), number)
            former = server.pid
            assert former is not None
            os.kill(former, signal.SIGKILL)
            assert await rows.kept_within(20, server.dsn()) == list(range(1, number + 1))
            assert server.pid != former
        assert server.deaths == 2


async def test_a_server_that_was_killed_with_its_parent_recovers_at_the_next_start(data_dir: Path, rows: Rows) -> None:
    with holding(data_dir) as holder:
        await rows.write(holder.answer["dsn"], 1)
        holder.process.send_signal(signal.SIGSTOP)  # so that it does not restart the server
        os.kill(holder.answer["pid"], signal.SIGKILL)
        holder.process.kill()
    async with EmbeddedPostgres(data_dir, homes=[]) as server:
        assert await rows.kept(server.dsn()) == [1]
    assert "automatic recovery in progress" in (data_dir / "postgres.log").read_text()


async def test_a_server_that_does_not_start_says_why_and_gives_the_directory_back(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as changed:
        changed.setitem(SERVER_SETTINGS, "shared_buffers", "many")
        with pytest.raises(EmbeddedPostgresFailed, match=r'does not start: .*"shared_buffers": "many"'):
            await EmbeddedPostgres(data_dir, homes=[]).start()
    async with EmbeddedPostgres(data_dir, homes=[]) as server:
        assert await value(server, "select 1") == 1


async def test_a_command_uses_the_server_that_runs(data_dir: Path) -> None:
    with holding(data_dir) as holder:
        async with reachable_postgres(data_dir) as dsn:
            assert dsn == holder.answer["dsn"]
        assert await running_dsn(data_dir) == dsn, "and leaves it running"


async def test_a_command_starts_the_server_for_the_call_when_none_runs(data_dir: Path, rows: Rows) -> None:
    assert await running_dsn(data_dir) is None
    async with reachable_postgres(data_dir) as dsn:
        await rows.write(dsn, 1)
    assert await running_dsn(data_dir) is None


async def test_a_command_waits_a_moment_for_a_server_that_is_just_starting(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, homes=[])
    starting = asyncio.create_task(server.start())
    await asyncio.sleep(0)  # it has the lock now
    async with reachable_postgres(data_dir) as dsn:
        assert dsn == server.dsn()
    await starting
    await server.stop()


async def test_a_directory_that_never_had_a_server_has_none_running(tmp_path: Path) -> None:
    assert await running_dsn(tmp_path / "missing") is None


async def test_a_plain_user_and_root_take_turns_in_the_plain_users_closed_directory(
    open_directory: Path, rows: Rows
) -> None:
    command = as_plain_user()
    data_dir = open_directory / "plain"
    data_dir.mkdir(mode=0o700)
    if IS_ROOT:
        shutil.chown(data_dir, "nobody")
    owner = owner_of(data_dir)
    assert owner != 0
    for number in (1, 3):
        async with EmbeddedPostgres(data_dir, homes=[]) as server:  # root, if that is who runs the tests
            await rows.write(server.dsn(), number)
            assert user_of(server.pid) == owner
        with holding(data_dir, command=command) as holder:
            await rows.write(holder.answer["dsn"], number + 1)
            assert user_of(holder.answer["pid"]) == owner
            holder.process.kill()
        assert not left_after(5, data_dir / "postgres")
        # Of a process that is another's by now, and that the user could signal: PostgreSQL alone would not start.
        (data_dir / "postgres" / "postmaster.pid").write_text(f"{process_of(owner)}\n{data_dir}/postgres\n0\n5432\n")
    async with EmbeddedPostgres(data_dir, homes=[]) as server:
        assert await rows.kept(server.dsn()) == [1, 2, 3, 4]
    assert mode_of(data_dir) == 0o700


@only_root
def test_a_plain_user_is_told_that_the_directory_is_anothers(data_dir: Path) -> None:
    refused = r"DataDirectoryUnusable: cannot open .*annals\.lock: Permission denied"
    with pytest.raises(AssertionError, match=refused), holding(data_dir, command=as_plain_user()):
        pass


@only_root
async def test_root_runs_the_server_as_nobody_in_a_directory_that_others_may_only_pass(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, homes=[]) as server:
        assert user_of(server.pid) == pwd.getpwnam("nobody").pw_uid
        assert mode_of(data_dir) == 0o711
        assert mode_of(data_dir / "postgres") == 0o700
        assert mode_of(data_dir / "postgres.log") == 0o600


@only_root
async def test_roots_events_are_kept_elsewhere_when_its_home_is_closed_and_stay_there(
    closed: Path, open_directory: Path, rows: Rows
) -> None:
    data_dir, home = closed / "data", open_directory / "homes"
    with capture_logs() as logs:
        async with EmbeddedPostgres(data_dir, homes=[home]) as server:
            await rows.write(server.dsn(), 1)
    assert mode_of(closed) == 0o700, "the home was not opened"
    (said,) = [line for line in logs if line["event"].startswith("the events are kept elsewhere")]
    kept_in = Path(said["kept_in"])
    assert home in kept_in.parents
    async with EmbeddedPostgres(data_dir, homes=[]) as server:
        assert await rows.kept(server.dsn()) == [1]
        assert kept_in in socket_of(server.dsn()).parents
        assert await running_dsn(data_dir) == server.dsn()
    shutil.rmtree(kept_in)
    with pytest.raises(DataDirectoryUnusable, match=f"were kept in {kept_in}, which is gone: restore it"):
        await EmbeddedPostgres(data_dir, homes=[home]).start()


@only_root
async def test_root_copies_the_programs_once_when_nobody_cannot_reach_them(
    data_dir: Path, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = copied_binaries(installed_binaries(), closed)
    monkeypatch.setattr(postgres_placement, "installed_binaries", lambda: programs)
    with tempfile.TemporaryDirectory() as parent:  # on a disk: programs in memory may not be allowed to run
        shutil.chown(parent, "nobody")
        home = Path(parent) / "home"
        for _ in range(2):
            with capture_logs() as logs:
                async with EmbeddedPostgres(data_dir, homes=[home]) as server:
                    assert home in program_of(server.pid).parents
            assert any(line["event"].startswith("PostgreSQL runs from a copy") for line in logs)
        assert len(list(home.glob("binaries-*"))) == 1


@only_root
async def test_root_takes_no_home_that_others_can_write_to(closed: Path, open_directory: Path) -> None:
    planted = open_directory / "planted"
    planted.mkdir()
    planted.chmod(0o777)
    with pytest.raises(DataDirectoryUnusable, match=f"reaches none of {planted}"):
        await EmbeddedPostgres(closed / "data", homes=[planted]).start()


@only_root
async def test_root_follows_no_link_in_the_directory_of_another_user(open_directory: Path) -> None:
    victim = open_directory / "victim"
    victim.write_text("precious")
    data = DataDirectory(Path(tempfile.mkdtemp(dir=open_directory)))
    shutil.chown(data.path, "nobody")
    for name in ("annals.lock", "postgres.log"):
        (data.path / name).symlink_to(victim)
    with pytest.raises(DataDirectoryUnusable, match="Too many levels of symbolic links"):
        await data.lock(data.path)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        data.open_log()
    assert victim.read_text() == "precious"
    assert owner_of(victim) == 0
