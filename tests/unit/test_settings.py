"""Settings: what may be set, what is said when it may not, and what never shows."""

import secrets
import socket
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from aggregation import engines
from aggregation.errors import UserError
from dashboard_app.protection import Protection
from dashboard_app.settings import PROJECT, SPARK_MASTERS, Settings, load

LONG = "k" * 32
SECRET_RULE = "at least 32 bytes. Make one with python -c"
PROXIES_RULE = "IP addresses or networks with commas between, such as 10.0.0.7,192.168.0.0/16"
URL_RULE = "allowed: postgresql://user:password@host:port/database"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


def _refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError) as caught:
        load()
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def _in_file(path: Path, content: str) -> str:
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        load(_env_file=path)
    return str(caught.value)


# ---- values ----


def test_defaults() -> None:
    settings = load()
    assert settings.embedded
    assert settings.data_dir == PROJECT / "var"
    assert (settings.host, settings.port) == ("127.0.0.1", 8050)
    assert 1 <= settings.web_workers <= 4
    assert settings.web_threads >= 1
    assert (settings.log_level, settings.log_format) == ("INFO", "text")


def test_protection_comes_from_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().protection() == Protection()
    monkeypatch.setenv("SESSION_IDLE_HOURS", "1")
    monkeypatch.setenv("SESSION_ABSOLUTE_HOURS", "2")
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.7, 2001:db8::/32")
    set_up = load().protection()
    assert (set_up.idle, set_up.absolute) == (timedelta(hours=1), timedelta(hours=2))
    assert [str(network) for network in set_up.proxies] == ["10.0.0.7/32", "2001:db8::/32"]


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PORT=9001\nHOST=0.0.0.0\nLOG_FORMAT=json\n")
    monkeypatch.setenv("PORT", "9002")
    monkeypatch.setenv("LOG_FORMAT", "")
    settings = load(_env_file=file)
    assert (settings.port, settings.host, settings.log_format) == (9002, "0.0.0.0", "json")  # noqa: S104


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "abc", "a whole number from 1 to 65535"),
        ("PORT", "0", "a whole number from 1 to 65535"),
        ("PORT", "65536", "a whole number from 1 to 65535"),
        ("PORT", "80.5", "a whole number from 1 to 65535"),
        ("WEB_WORKERS", "0", "a whole number from 1 to 64"),
        ("WEB_WORKERS", "many", "a whole number from 1 to 64"),
        ("WEB_THREADS", "65", "a whole number from 1 to 64"),
        ("SESSION_IDLE_HOURS", "0", "a whole number from 1 to 8760"),
        ("SESSION_ABSOLUTE_HOURS", "1.5", "a whole number from 1 to 8760"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", PROXIES_RULE),
        ("TRUSTED_PROXIES", "10.0.0.1/8", PROXIES_RULE),
        ("TRUSTED_PROXIES", "proxy.example", PROXIES_RULE),
        ("TRUSTED_PROXIES", "*", PROXIES_RULE),
        ("SPARK_MASTER", "http://10.0.0.5:7077", SPARK_MASTERS),
        ("SPARK_MASTER", "local[two]", SPARK_MASTERS),
        ("LOG_LEVEL", "loud", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("LOG_FORMAT", "xml", "'text' or 'json'"),
    ],
)
def test_malformed_values(monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str) -> None:
    assert _refusal(monkeypatch, **{name: value}) == (
        f"setting {name}={value!r} is not valid; allowed: {allowed}"
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://me:hidden@host/x", "='mysql://me:***@host/x'"),
        ("mysql://me@host/x?password=hidden", "='mysql://me@host/x'"),
        ("postgresql://me:hidden@host:port/x", ""),
        ("postgresql://me:80hidden@host:hidden/x", ""),
        ("hidden", ""),
    ],
)
def test_malformed_urls_hide_the_password(monkeypatch: pytest.MonkeyPatch, url: str, shown: str) -> None:
    assert _refusal(monkeypatch, DATABASE_URL=url) == f"setting DATABASE_URL{shown} is not valid; {URL_RULE}"


def test_unknown_names_in_the_file(tmp_path: Path) -> None:
    allowed = (
        "DATABASE_URL, DATA_DIR, SECRET_KEY, HOST, PORT, WEB_WORKERS, WEB_THREADS, LOG_LEVEL, LOG_FORMAT, "
        "SESSION_IDLE_HOURS, SESSION_ABSOLUTE_HOURS, METRICS_TOKEN, TRUSTED_PROXIES, "
        "SPARK_MASTER, SPARK_SOURCE, SPARK_OPTIONS"
    )
    assert _in_file(tmp_path / ".env", "PROT=1\n") == f"unknown setting PROT in .env; allowed: {allowed}"
    assert "hidden" not in _in_file(tmp_path / ".env", "SECRETKEY=hidden\n")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff\n")
    with pytest.raises(UserError, match=r"^\.env is not UTF-8 text$"):
        load(_env_file=tmp_path / ".env")


def test_secrets_stay_out_of_representations() -> None:
    settings = load(database_url="postgresql://me:hidden@host/x", secret_key="hidden" * 6)
    assert "hidden" not in f"{settings!r} {settings} {settings.model_dump()}"


# ---- the secret ----


def test_a_url_needs_a_secret_key() -> None:
    with pytest.raises(UserError, match=f"^SECRET_KEY is required with DATABASE_URL: {SECRET_RULE}"):
        load(database_url="postgresql://host/x").session_secret()


def test_a_secret_key_has_32_bytes() -> None:
    for url in (None, "postgresql://host/x"):
        assert load(database_url=url, secret_key=LONG).session_secret() == LONG
        assert load(database_url=url, secret_key="ü" * 16).session_secret() == "ü" * 16
        with pytest.raises(UserError, match=f"^SECRET_KEY is too short: {SECRET_RULE}") as caught:
            load(database_url=url, secret_key=LONG[1:]).session_secret()
        assert LONG[1:] not in str(caught.value)


def test_the_generated_secret_is_kept(tmp_path: Path) -> None:
    made = load(data_dir=tmp_path / "var").session_secret()
    assert len(made) >= 32
    assert load(data_dir=tmp_path / "var").session_secret() == made
    (file,) = (tmp_path / "var").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load(data_dir=tmp_path / "other").session_secret() != made


def test_whoever_comes_meanwhile_gets_the_same_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second process that asks while the first makes the secret."""
    settings = load(data_dir=tmp_path)
    token_urlsafe, seconds = secrets.token_urlsafe, []

    def interrupted(size: int) -> str:
        monkeypatch.setattr(secrets, "token_urlsafe", token_urlsafe)
        seconds.append(settings.session_secret())
        return token_urlsafe(size)

    monkeypatch.setattr(secrets, "token_urlsafe", interrupted)
    assert [settings.session_secret()] == seconds
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


def test_the_secret_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hardlink_to, seen = Path.hardlink_to, []

    def watched(path: Path, target: Path) -> None:
        hardlink_to(path, target)
        seen.append(path.read_text())

    monkeypatch.setattr(Path, "hardlink_to", watched)
    assert [load(data_dir=tmp_path).session_secret()] == seen


def test_two_processes_make_one_secret(tmp_path: Path) -> None:
    ask = (
        "import sys; from pathlib import Path; from dashboard_app.settings import load;"
        "print('ready', flush=True); sys.stdin.read();"
        "print(load(_env_file=None, data_dir=Path(sys.argv[1])).session_secret())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ask, str(tmp_path)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    answers = {process.communicate()[0] for process in processes}
    assert len(answers) == 1
    assert len(answers.pop()) > 32


def test_a_damaged_secret_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(UserError) as caught:
        load(data_dir=tmp_path).session_secret()
    assert str(caught.value) == (
        f"{tmp_path}/secret_key is damaged: at least 32 bytes. Delete it, and a new one is made"
    )


def test_a_folder_that_takes_no_secret(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as caught:
        load(data_dir=tmp_path / "file").session_secret()
    assert str(caught.value) == f"cannot keep a secret in {tmp_path}/file: File exists"


# ---- what computes ----


def test_the_database_computes_unless_spark_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().compute() is engines.DATABASE
    monkeypatch.setenv("SPARK_MASTER", "local[2]")
    monkeypatch.setenv("SPARK_SOURCE", "/data/lake")
    monkeypatch.setenv("SPARK_OPTIONS", "spark.executor.memory=4g spark.jars=/a.jar,/b.jar")
    assert load().spark_options == {"spark.executor.memory": "4g", "spark.jars": "/a.jar,/b.jar"}
    assert load().compute("database") is engines.DATABASE


@pytest.mark.parametrize(
    ("environment", "engine", "refusal"),
    [
        ({}, "duckdb", "no engine is called 'duckdb'; allowed: database, spark"),
        ({}, "spark", f"SPARK_MASTER is required for Spark; allowed: {SPARK_MASTERS}"),
        ({"SPARK_MASTER": "yarn"}, None, "SPARK_SOURCE is required with SPARK_MASTER; allowed: a folder or "),
        (
            {"SPARK_MASTER": "yarn", "SPARK_SOURCE": "database"},
            None,
            "SPARK_SOURCE=database needs DATABASE_URL: the embedded one has no address",
        ),
    ],
)
def test_spark_without_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], engine: str | None, refusal: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError) as caught:
        load().compute(engine)
    assert str(caught.value).startswith(refusal)


@pytest.mark.parametrize("value", ["memory=4g", "spark.jars", "spark.a=1 secret"])
def test_options_of_spark_may_be_secret(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert _refusal(monkeypatch, SPARK_OPTIONS=value) == (
        "setting SPARK_OPTIONS is not valid; allowed: spark.NAME=VALUE, with spaces between"
    )


# ---- the database ----


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("login", ["me:hidden@127.0.0.1:{port}/x", "me@127.0.0.1:{port}/x?password=hidden"])
def test_an_unreachable_database_is_named_without_its_password(login: str, closed_port: int) -> None:
    settings = load(database_url=f"postgresql://{login.format(port=closed_port)}", secret_key=LONG)
    with pytest.raises(UserError) as caught, settings.database():
        pass
    message = str(caught.value)
    assert message.startswith("cannot reach postgresql+psycopg2://me")
    assert f'"127.0.0.1", port {closed_port} failed: Connection refused' in message
    assert "hidden" not in message
    assert len(message.splitlines()) == 1


def test_a_url_with_an_option_that_no_driver_knows() -> None:
    settings = load(database_url="postgresql://me:hidden@host/x?colour=red", secret_key=LONG)
    with pytest.raises(UserError, match='invalid connection option "colour"') as caught, settings.database():
        pass
    assert "hidden" not in str(caught.value)
