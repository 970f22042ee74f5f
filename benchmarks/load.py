"""A small HTTP client that keeps its connections, as browsers do, and costs little itself."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from urllib.parse import urlsplit

# A browser says this, and so gets what a browser gets.
ENCODINGS = "gzip, deflate, br"
CALLBACKS = "/_dash-update-component"
TIMEOUT = 30


@dataclass(frozen=True)
class Request:
    """As it goes over the line, made before the measuring begins."""

    head: bytes
    body: bytes = b""


@dataclass
class Times:
    """What came of many requests: seconds of those answered with 200, and what became of the others."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    length: int = 0

    def note(self, status: int, length: int, seconds: float) -> None:
        if status == 200:
            self.seconds.append(seconds)
            self.length += length
        else:
            self.errors.append(str(status))

    @property
    def p50(self) -> float:
        """Milliseconds."""
        return median(self.seconds) * 1000

    @property
    def p95(self) -> float:
        return quantiles(self.seconds, n=20, method="inclusive")[-1] * 1000


def get(address: str, path: str, cookies: Mapping[str, str]) -> Request:
    return Request(_head("GET", address, path, cookies))


def callback(address: str, cookies: Mapping[str, str], asked: Mapping[str, object]) -> Request:
    """As Dash's browser side asks for a callback: the token from the cookie goes into a header, too."""
    body = json.dumps(asked).encode()
    more = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-CSRFToken": cookies.get("_csrf_token", ""),
    }
    return Request(_head("POST", address, CALLBACKS, cookies, more), body)


def _head(
    method: str, address: str, path: str, cookies: Mapping[str, str], more: Mapping[str, str] | None = None
) -> bytes:
    fields = {
        "Host": urlsplit(address).netloc,
        "Accept": "*/*",
        "Accept-Encoding": ENCODINGS,
        **({"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}),
        **(more or {}),
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Connection:
    """One kept connection. Where the server has closed it between two answers, it is opened anew."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: Request) -> tuple[int, bytes]:
        """Status and body. Raises OSError or EOFError where no whole answer came."""
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await self._open()
            writer.write(request.head + request.body)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(_number(head, b"content-length"))
            if b"connection: close" in head:
                self.close()
            return int(head[9:12]), body

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._writer and self._reader and self._reader.at_eof():
            self.close()
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self._reader, self._writer

    def close(self) -> None:
        if self._writer:
            self._writer.close()
        self._reader = self._writer = None


def _number(head: bytes, name: bytes) -> int:
    at = head.index(b"\r\n" + name + b":") + len(name) + 3
    return int(head[at : head.index(b"\r\n", at)])


class Client:
    """A connection that keeps the times of what is asked over it."""

    def __init__(self, address: str, times: Times) -> None:
        self._connection = Connection(address)
        self._times = times

    async def ask(self, request: Request) -> bytes:
        started = time.perf_counter()
        try:
            status, body = await self._connection.ask(request)
        except (OSError, EOFError) as error:
            self._connection.close()
            self._times.errors.append(type(error).__name__)
            return b""
        self._times.note(status, len(body), time.perf_counter() - started)
        return body

    def close(self) -> None:
        self._connection.close()


@asynccontextmanager
async def client(address: str, times: Times) -> AsyncIterator[Client]:
    """Closed afterwards."""
    made = Client(address, times)
    try:
        yield made
    finally:
        made.close()


async def crowd(number: int, behave: Callable[[int], Awaitable[None]]) -> None:
    """So many users at once, each of whom does what `behave` says."""
    await asyncio.gather(*(behave(index) for index in range(number)))
