"""What people on a journey hold in their hands: the API, a mailbox, a browser."""

import asyncio
import email
import email.policy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientSession
from icalendar import Calendar
from multidict import CIMultiDict
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Request, async_playwright

BERLIN = ZoneInfo("Europe/Berlin")
PATIENCE = 20.0
ROOT = Path(__file__).parents[2]
LINK = re.compile(r"https?://\S+/anmeldung/([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the API."""

    status: int
    body: Any
    headers: CIMultiDict[str]

    @property
    def id(self) -> str:
        """The id of what was made."""
        return str(self.body["id"])

    @property
    def code(self) -> str:
        """The problem's code."""
        return str(self.body["code"])


class Api:
    """The public API, as somebody with or without a token uses it."""

    def __init__(self, client: ClientSession, base_url: str, token: str | None = None) -> None:
        self._client = client
        self._base = f"{base_url}/api/v1"
        self._bearer = {"Authorization": f"Bearer {token}"} if token else {}

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request; header names are written with `_`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._client.request(method, self._base + path, json=body, headers=self._bearer | named) as answer:
            raw = await answer.read()
            json_like = "json" in answer.content_type
            return Reply(
                answer.status, await answer.json(content_type=None) if json_like else raw, CIMultiDict(answer.headers)
            )

    async def get(self, path: str) -> Reply:
        """Reads."""
        return await self.send("GET", path)

    async def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        """Does something that has to succeed."""
        reply = await self.send("POST", path, {} if body is None else body, **headers)
        assert reply.status < 300, reply
        return reply


@dataclass(frozen=True)
class Mail:
    """A mail as its reader has it."""

    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        """Its parts."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def subject(self) -> str:
        """Its subject."""
        return str(self.message["Subject"])

    @cached_property
    def text(self) -> str:
        """Its plain text in one line."""
        part = self.message.get_body(("plain",))
        assert part is not None
        return re.sub(r"\s+", " ", part.get_content())

    @property
    def token(self) -> str:
        """That of the personal link."""
        found = LINK.search(self.text)
        assert found, self.text
        return found[1]

    @cached_property
    def calendar(self) -> Calendar | None:
        """The invitation, if there is one."""
        for part in self.message.walk():
            if part.get_content_type() == "text/calendar":
                return Calendar.from_ical(part.get_content())
        return None

    @property
    def entry(self) -> dict[str, Any]:
        """The invitation's one entry: method, uid, sequence, begin, status."""
        assert self.calendar is not None, self.text
        (event,) = self.calendar.walk("VEVENT")
        return {
            "method": str(self.calendar["METHOD"]),
            "uid": str(event["UID"]),
            "sequence": int(str(event["SEQUENCE"])),
            "begin": event.decoded("DTSTART"),
            "status": str(event.get("STATUS", "")),
        }


class Mailbox:
    """All mails of the system, by recipient."""

    def __init__(self, client: ClientSession, url: str) -> None:
        self._client = client
        self._url = url

    async def of(self, address: str) -> list[Mail]:
        """The mails to one address, oldest first."""
        async with self._client.get(f"{self._url}/messages", params={"to": address}) as answer:
            listed = await answer.json()
        mails = []
        for entry in listed:
            async with self._client.get(f"{self._url}/messages/{entry['id']}.eml") as answer:
                mails.append(Mail(await answer.read()))
        return mails

    async def newest(self, address: str, count: int) -> Mail:
        """The last of exactly `count` mails to the address, once they are there."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while len(mails := await self.of(address)) < count:
            assert asyncio.get_running_loop().time() < deadline, [mail.subject for mail in mails]
            await asyncio.sleep(0.05)
        assert len(mails) == count, [mail.subject for mail in mails]
        return mails[-1]

    async def quiet(self, address: str, count: int, seconds: float = 1.5) -> None:
        """Nothing more than `count` mails comes for a while."""
        await asyncio.sleep(seconds)
        assert [mail.subject for mail in await self.of(address)][count:] == []


@dataclass(frozen=True, slots=True)
class Journey:
    """One system with everything a journey needs."""

    base_url: str
    api: Api
    editor: Api
    mailbox: Mailbox
    client: ClientSession
    now: datetime

    async def session(self, *, capacity: int | None = None, starts_at: datetime | None = None, **content: Any) -> str:
        """An announced session that is open for registration; its id."""
        series = (await self.api.get("/series")).body["items"]
        series_id = next(each["id"] for each in series if each["format"] == "consultation_hour")
        begin = starts_at or (self.now + timedelta(days=30)).astimezone(BERLIN).replace(
            minute=0, second=0, microsecond=0
        )
        body = {
            "series_id": series_id,
            "title": f"Digitale Sprechstunde {uuid4().hex[:6]}",
            "mode": "online",
            "access_link": "https://meet.example/raum",
            "starts_at": begin.isoformat(),
            "free_of_charge": True,
        }
        extra = content if capacity is None else content | {"capacity": capacity}
        session_id = (await self.editor.post("/sessions", body | extra)).id
        await self.editor.post(f"/sessions/{session_id}/announcements")
        await self.editor.post(f"/sessions/{session_id}/registration-openings")
        return session_id

    async def register(self, session_id: str, address: str, name: str = "Erika Muster") -> None:
        """Registers by the API."""
        body = {"email": address, "name": name, "organisation_name": "Stadt Musterstadt"}
        reply = await self.api.post(f"/sessions/{session_id}/registrations", body)
        assert (reply.status, reply.body["status"]) == (202, "accepted")

    async def confirmed(self, session_id: str, address: str) -> str:
        """Registers and confirms by the mailed link; its token. Two mails have come then."""
        await self.register(session_id, address)
        token = (await self.mailbox.newest(address, 1)).token
        await self.api.post(f"/registrations/{token}/confirmations")
        await self.mailbox.newest(address, 2)
        return token


def address() -> str:
    """An address nobody had before."""
    return f"{uuid4().hex[:12]}@stadt.example"


@asynccontextmanager
async def journey_in(system: Any, clock_offset: float = 0.0) -> AsyncIterator[Journey]:
    """A journey in a running system."""
    async with ClientSession() as client:
        yield Journey(
            base_url=system.base_url,
            api=Api(client, system.base_url),
            editor=Api(client, system.base_url, system.editor_token),
            mailbox=Mailbox(client, system.mailbox),
            client=client,
            now=datetime.now(UTC) + timedelta(seconds=clock_offset),
        )


@pytest.fixture
async def journey(system: Any) -> AsyncIterator[Journey]:
    async with journey_in(system) as found:
        yield found


@pytest.fixture
def fresh_address() -> Callable[[], str]:
    return address


type At = Callable[[datetime], Awaitable[Journey]]


@pytest.fixture
async def journey_at(system_at: Any) -> AsyncIterator[At]:
    """Makes a journey in a system of its own whose clock shows another time."""
    opened: list[Any] = []

    async def make(moment: datetime) -> Journey:
        offset = (moment - datetime.now(UTC)).total_seconds()
        context = journey_in(await system_at(offset), offset)
        opened.append(context)
        return await context.__aenter__()

    yield make
    for context in reversed(opened):
        await context.__aexit__(None, None, None)


PACKED = """
import chromium from "@sparticuz/chromium";
console.log(JSON.stringify({path: await chromium.executablePath(), libraries: process.env.LD_LIBRARY_PATH}));
"""
UNPACK = {"AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x", "AWS_LAMBDA_JS_RUNTIME": "nodejs22.x"}
"""Only then does the package unpack the libraries as well that a bare machine lacks."""


@dataclass(frozen=True, slots=True)
class Chromium:
    """A browser and how to start it."""

    path: str
    arguments: list[str]
    environment: dict[str, str | float | bool]


def chromium(folder: Path) -> Chromium:
    """The machine's browser, else the one that came with the tools for development, unpacked into `folder`.

    `IKZ_TEST_PACKED_CHROMIUM=1` takes the latter in any case.
    """
    own = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if own is not None and "IKZ_TEST_PACKED_CHROMIUM" not in os.environ:
        return Chromium(own, ["--no-sandbox"], dict(os.environ))
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))
    unpacking = os.environ | UNPACK | {"TMPDIR": str(folder)}
    command = [node, "--input-type=module", "--eval", PACKED]
    unpacked = subprocess.run(command, cwd=ROOT, env=unpacking, check=True, capture_output=True, text=True)
    found = json.loads(unpacked.stdout)
    environment = os.environ | {"LD_LIBRARY_PATH": found["libraries"]}
    arguments = ["--no-sandbox", "--no-zygote", "--use-gl=angle", "--use-angle=swiftshader"]
    return Chromium(found["path"], arguments, dict(environment))


@pytest.fixture(scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    found = chromium(tmp_path_factory.mktemp("chromium"))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found.path, args=found.arguments, env=found.environment
        )
        yield browser
        await browser.close()


type Visit = Callable[..., Awaitable[BrowserContext]]


@pytest.fixture
async def visit(browser: Browser, system: Any) -> AsyncIterator[Visit]:
    """Opens a visitor's browser window; whatever it asks anyone else for, or complains about, fails the test."""
    wrong: list[str] = []
    opened: list[BrowserContext] = []

    def asked(request: Request) -> None:
        if not request.url.startswith(system.base_url):
            wrong.append(request.url)

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and not re.search("status of (404|422)", message.text):
            wrong.append(message.text)

    async def open_window(*, width: int = 1440, scripts: bool = True, dark: bool = False) -> BrowserContext:
        window = await browser.new_context(
            base_url=system.base_url,
            viewport={"width": width, "height": 900},
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="de-DE",
        )
        window.set_default_timeout(PATIENCE * 1000)
        window.on("request", asked)
        window.on("console", said)
        opened.append(window)
        return window

    yield open_window
    for window in opened:
        assert await window.cookies() == []
        await window.close()
    assert wrong == []
