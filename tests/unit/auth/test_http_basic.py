"""HTTP basic: users and passwords of a file."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import bcrypt
import pytest
from structlog.testing import capture_logs

from innkeeper.auth import http_basic
from innkeeper.auth.htpasswd import read_htpasswd
from innkeeper.auth.http_basic import HttpBasic
from innkeeper.auth.strategy import Asking
from innkeeper.core.errors import IdentityUnavailable, SetupError


def line(name: str, password: str) -> str:
    return f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n"


def asking(name: str, password: str) -> Asking:
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    return Asking({"authorization": f"Basic {encoded}"})


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    path.write_text("# who may\n\n" + line("ann", "s3cret:with colon") + line("bob", "pass"))
    return path


@pytest.fixture
async def basic(file: Path, clock: Clock) -> AsyncIterator[HttpBasic]:
    one = HttpBasic(file, clock=clock, secret=b"k")
    yield one
    await one.close()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Give the passwords that bcrypt was asked for."""
    asked: list[bytes] = []
    real = bcrypt.checkpw

    def checkpw(password: bytes, hashed: bytes) -> bool:
        asked.append(password)
        return real(password, hashed)

    monkeypatch.setattr(http_basic.bcrypt, "checkpw", checkpw)
    return asked


async def test_the_right_password(basic: HttpBasic) -> None:
    who = await basic.authenticate(asking("ann", "s3cret:with colon"))
    assert who is not None
    assert who.user_id == "ann"
    assert {"admin", "service"} <= who.roles


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"ann").decode(),
        "Basic " + base64.b64encode(b"ann:pass").decode(),
        "Basic " + base64.b64encode(b"nobody:pass").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:pass").decode(),
        "Basic " + base64.b64encode(b"bob:pass\0").decode(),
        "Bearer abc",
    ],
)
async def test_anything_else(basic: HttpBasic, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    assert await basic.authenticate(Asking(headers)) is None


async def test_a_right_password_is_remembered_for_a_while(
    basic: HttpBasic, clock: Clock, checks: list[bytes]
) -> None:
    for _ in range(3):
        assert await basic.authenticate(asking("bob", "pass"))
    assert len(checks) == 1
    clock.now += http_basic.REMEMBERED_S
    assert await basic.authenticate(asking("bob", "pass"))
    assert len(checks) == 2


async def test_wrong_ones_and_unknown_users_are_checked_each_time(
    basic: HttpBasic, checks: list[bytes]
) -> None:
    for name in ("bob", "nobody", "bob", "nobody"):
        assert await basic.authenticate(asking(name, "wrong")) is None
    assert len(checks) == 4


async def test_many_at_once_are_checked_once(basic: HttpBasic, checks: list[bytes]) -> None:
    found = await asyncio.gather(*(basic.authenticate(asking("bob", "pass")) for _ in range(20)))
    assert all(found)
    assert len(checks) == 1


async def test_a_flood_is_refused(basic: HttpBasic) -> None:
    floods = [basic.authenticate(asking("bob", str(n))) for n in range(http_basic.MAX_CHECKS + 5)]
    found = await asyncio.gather(*floods, return_exceptions=True)
    refused = [each for each in found if isinstance(each, IdentityUnavailable)]
    assert len(refused) == 5
    assert found.count(None) == http_basic.MAX_CHECKS


def rewrite(file: Path, text: str) -> None:
    file.write_text(text)
    os.utime(file, (1, 1))


async def test_the_file_is_read_again(basic: HttpBasic, file: Path, clock: Clock) -> None:
    assert await basic.authenticate(asking("bob", "pass"))
    rewrite(file, line("bob", "other") + line("cat", "purr"))
    clock.now += 2
    assert await basic.authenticate(asking("bob", "pass")) is None
    assert await basic.authenticate(asking("cat", "purr"))
    rewrite(file, "nonsense\n")
    clock.now += 2
    with capture_logs() as logs:
        assert await basic.authenticate(asking("cat", "purr"))
    assert [event["log_level"] for event in logs] == ["error"]


def test_a_long_password_is_cut_where_bcrypt_cuts_it() -> None:
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))
    assert http_basic._matches(b"x" * 100, hashed)


@pytest.mark.parametrize("kind", ["$2a$", "$2y$"])
def test_the_kinds_of_bcrypt(kind: str) -> None:
    hashed = bcrypt.hashpw(b"pass", bcrypt.gensalt(4)).replace(b"$2b$", kind.encode())
    assert http_basic._matches(b"pass", hashed)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no user"),
        ("# nobody\n", "names no user"),
        ("ann\n", "line 1: not of the form"),
        (":x\n", "line 1: not of the form"),
        ("# x\nann:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n", "line 2: the user ann .* not of bcrypt"),
        ("ann:$apr1$x$y\n", "not of bcrypt"),
        ("ann:$2y$31$" + "a" * 53 + "\n", "cost 31; at most 14"),
        (line("a", "b") + line("a", "c"), "line 2: the user a is there already"),
    ],
)
def test_a_file_that_makes_no_sense(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "users"
    path.write_text(text)
    with pytest.raises(SetupError, match=words):
        read_htpasswd(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="Cannot read the password file"):
        read_htpasswd(tmp_path / "none")
