"""People at work on the portal: editors, registrants, readers of mails and of pages, some of them in a hurry."""

import asyncio
import random
import re
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from shared.mailbox.store import Entry
from tests.faults.history import Asked, Attempt, History, Service

PATIENCE = 15.0
HURRY = 0.08
TRIES = 4
BETWEEN_TRIES = (0.1, 0.7)
BETWEEN_THINGS = (0.02, 0.4)
LATEST = 6  # sessions that are worked on at a time
LINK = re.compile(rb"/(anmeldung|kontakt)/([A-Za-z0-9_-]{22})")
TOPIC = "storms"


type Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Inbox:
    """The mails that have come since one last looked, read from the mailbox's folder: it may be down itself."""

    folder: Path
    _read: int = 0

    def new(self) -> list[tuple[Entry, bytes]]:
        """The mails that are whole by now, each once."""
        index = self.folder / "index.jsonl"
        whole, _, _ = (index.read_bytes()[self._read :] if index.exists() else b"").rpartition(b"\n")
        self._read += len(whole)
        found = []
        for line in whole.splitlines():
            with suppress(ValueError):
                entry = Entry.model_validate_json(line)
                found.append((entry, (self.folder / f"{entry.id}.eml").read_bytes()))
        return found


@dataclass(slots=True)
class Load:
    """Sends requests and writes down what comes of them.

    `bases` are the gateways, `people` how many may register, `pace` how long everybody takes over everything. Who is
    `patient` tries until there is an answer. `letters` are the links by which texts for a contact are confirmed, each
    with the address it was sent to.
    """

    client: aiohttp.ClientSession
    bases: Sequence[str]
    token: str
    inbox: Inbox
    history: History
    dice: random.Random
    series: str = ""
    people: int = 12
    pace: float = 1.0
    patient: bool = False
    links: deque[str] = field(default_factory=lambda: deque(maxlen=200))
    letters: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=200))
    sessions: list[str] = field(default_factory=list)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, load: Work, *others: Work) -> None:
        """Everybody at work, `others` too, until `load` has ended."""
        self._stopping.clear()
        workers = (
            *others,
            self._edit_projects,
            self._write_news,
            *[self._lead_sessions] * 2,
            *[self._register] * 4,
            *[self._follow_links] * 2,
            self._look_around,
        )
        async with asyncio.TaskGroup() as tasks:
            for work in workers:
                tasks.create_task(self._keep(work))
            await load()
            self._stopping.set()

    async def settle(self, until: float) -> None:
        """Asks once more whatever has no answer yet, until everything has."""
        while (left := self.history.unanswered()) and time.time() < until:
            await asyncio.gather(*(self.send(asked) for asked in left[:20]))

    async def send(self, asked: Asked, within: float = PATIENCE) -> Attempt:
        """One sending; whoever is in a hurry goes away before the answer comes."""
        began = time.time()
        status, answer, media_type = None, None, ""
        headers = {"Authorization": f"Bearer {self.token}"} if asked.kind not in OPEN_TO_ALL else {}
        if asked.key is not None:
            headers["Idempotency-Key"] = str(asked.key)
        if asked.version is not None:
            headers["If-Match"] = f'"{asked.version}"'
        if asked.content_type is not None:
            headers["Content-Type"] = asked.content_type
        sent = {"data" if isinstance(asked.body, bytes) else "json": asked.body}
        url = f"{self.dice.choice(self.bases)}/api/v1{asked.path}"
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with (
                asyncio.timeout(within),
                self.client.request(asked.method, url, headers=headers, **sent) as got,
            ):
                raw = await got.read()
                answer = await got.json(content_type=None) if raw and "json" in got.content_type else None
                status, media_type = got.status, got.content_type
        attempt = Attempt(asked, began, time.time(), status, answer, media_type)
        self.history.attempts.append(attempt)
        return attempt

    async def insist(self, asked: Asked) -> Any:
        """The answer after some tries with the same key; None for a refusal, or when nobody answers for too long."""
        tries = 0
        while True:
            tries += 1
            hurried = not self.patient and self.dice.random() < 0.1
            attempt = await self.send(asked, self.dice.uniform(0.005, HURRY) if hurried else PATIENCE)
            if attempt.done and self.dice.random() < 0.1:
                await self.send(asked)
            if attempt.final or attempt.status == 500:
                return attempt.answer if attempt.done else None
            if not self.patient and (tries == TRIES or self.dice.random() < 0.1):
                return None
            await asyncio.sleep(self.dice.uniform(*BETWEEN_TRIES))

    async def command(self, kind: str, service: Service, path: str, body: Any = None, **more: Any) -> Any:
        """A change under a new key."""
        method = "PUT" if "version" in more else "POST"
        return await self.insist(Asked(kind, service, method, path, uuid4(), {} if body is None else body, **more))

    async def start_series(self) -> str:
        """What sessions belong to."""
        body = {"title": "Sturmwarnung", "slug": "sturmwarnung", "format": "consultation_hour"}
        return str((await self.command("start_series", "events", "/series", body))["id"])

    async def open_session(self, capacity: int) -> str | None:
        """A new session that takes registrations; None when something came between."""
        begin = (datetime.now(UTC) + timedelta(days=self.dice.randint(20, 60))).replace(microsecond=0)
        body = {
            "series_id": self.series,
            "title": f"Sturm {uuid4().hex[:6]}",
            "mode": "online",
            "starts_at": begin.isoformat(),
            "capacity": capacity,
        }
        drafted = await self.command("draft_session", "events", "/sessions", body)
        if drafted is None:
            return None
        path = f"/sessions/{drafted['id']}"
        for action in ("announcements", "registration-openings"):
            if await self.command(action, "events", f"{path}/{action}") is None:
                return None
        return str(drafted["id"])

    def registration(self, session_id: str, address: str) -> Asked:
        """Somebody wants to take part."""
        body = {"email": address, "name": "Erika Muster", "organisation_name": "Stadt Musterstadt"}
        path = f"/sessions/{session_id}/registrations"
        return Asked("register", "events", "POST", path, uuid4(), body, person=address.lower())

    def collect(self) -> None:
        """Takes the links out of the mails that have come."""
        for entry, raw in self.inbox.new():
            if link := LINK.search(raw.replace(b"=\r\n", b"")):
                token = link[2].decode()
                if link[1] == b"kontakt":
                    self.letters.append((token, entry.to))
                else:
                    self.links.append(token)

    async def _keep(self, work: Work) -> None:
        while not self._stopping.is_set():
            await work()
            await asyncio.sleep(self.pace * self.dice.uniform(*BETWEEN_THINGS))

    async def _edit_projects(self) -> None:
        content = {
            "title": f"Gemeinsamer Bauhof {uuid4().hex[:6]}",
            "summary": "Drei Gemeinden teilen sich Fahrzeuge und Personal.",
            "topics": [TOPIC],
            "participations_complete": False,
        }
        drafted = await self.command("draft_project", "catalog", "/projects", content)
        if drafted is None:
            return
        path = f"/projects/{drafted['id']}"
        await self.command(
            "edit_project", "catalog", path, content | {"summary": "Jetzt vier."}, version=drafted["version"]
        )
        for action in ("submissions", "publications"):
            if await self.command(action, "catalog", f"{path}/{action}") is None:
                return
        await self.command("revisions", "catalog", f"{path}/revisions", content | {"summary": "Jetzt sind es fünf."})

    async def _write_news(self) -> None:
        content = {"title": f"Sturm {uuid4().hex[:6]}", "teaser": "Es stürmt.", "body": "Noch immer."}
        drafted = await self.command("draft_announcement", "notify", "/announcements", content)
        if drafted is None:
            return
        path = f"/announcements/{drafted['id']}"
        await self.command("publications", "notify", f"{path}/publications")
        await self.command(
            "corrections",
            "notify",
            f"{path}/corrections",
            content | {"body": "Vorbei.", "note": "Es hat nachgelassen."},
        )

    async def _lead_sessions(self) -> None:
        if len(self.sessions) < LATEST or self.dice.random() < 0.2:
            opened = await self.open_session(self.dice.randint(1, 3))
            self.sessions += [opened] if opened else []
            return
        path = f"/sessions/{self.dice.choice(self.sessions[-LATEST:])}"
        begin = datetime.now(UTC) + timedelta(days=self.dice.randint(61, 300), minutes=self.dice.randrange(1440))
        bodies: dict[str, Any] = {
            "postponements": {"starts_at": begin.replace(microsecond=0).isoformat(), "reason": "Sturm"},
            "cancellations": {"reason": "Sturm"},
            "reinstatements": {},
            "registration-closings": {},
            "registration-openings": {},
        }
        action = self.dice.choices(list(bodies), [4, 1, 4, 1, 4])[0]
        await self.command(action, "events", f"{path}/{action}", bodies[action])
        await asyncio.sleep(self.dice.uniform(0, 0.5))

    async def _register(self) -> None:
        """A person, sometimes the same from two places at once, or the same request twice."""
        if not self.sessions:
            return
        session_id = self.dice.choice(self.sessions[-LATEST:])
        address = f"person-{self.dice.randrange(self.people)}@stadt.example"
        asked = self.registration(session_id, address)
        match self.dice.randrange(5):
            case 0:
                await asyncio.gather(self.insist(asked), self.insist(asked))
            case 1:
                again = self.registration(session_id, address.upper())
                await asyncio.gather(self.insist(asked), self.insist(again))
            case _:
                await self.insist(asked)

    async def _follow_links(self) -> None:
        self.collect()
        if not self.links:
            return
        path = f"/registrations/{self.dice.choice(self.links)}"
        action = self.dice.choice(("confirmations", "confirmations", "withdrawals"))
        await self.command(action, "events", f"{path}/{action}")

    async def _look_around(self) -> None:
        paths: list[tuple[Service, str]] = [
            ("events", "/sessions"),
            ("catalog", "/projects"),
            ("notify", "/announcements"),
        ]
        if self.links:
            paths.append(("events", f"/registrations/{self.dice.choice(self.links)}"))
        service, path = self.dice.choice(paths)
        await self.send(Asked("look", service, "GET", path))


OPEN_TO_ALL = ("register", "confirmations", "withdrawals", "look", "write", "confirm_text")
