"""People around the catalogue: they write to a contact, put files beside projects, import projects, seek partners.

Editors merge topics and have people forgotten meanwhile.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode
from uuid import uuid4

import orjson

from tests.faults.history import Asked
from tests.faults.load import TOPIC, Load, Work

CONTACT = "kontakt@stadt.example"
WRITERS = 4
ROWS = 3
MOST_REQUESTS = 10  # of each kind: a request is told of its twenty best pairs only
PDF = b"%%PDF-1.7\n%%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%% %s\n"
KINDS = ("seek_partners", "offer")
MERGER = {"reason": "Es ist dasselbe."}
PATIENCE = 60.0
LATEST = 20  # links that are followed when all is over
PLACES = ((51.67, 8.36), (51.61, 8.02))


@dataclass(slots=True)
class Desk:
    """`project` is one whose contact can be written to; `organisations` are two neighbours, each after something else.

    Some of those who write are forgotten now and then, others never.
    """

    load: Load
    project: str = ""
    organisations: list[str] = field(default_factory=list)
    opened: int = 0
    topics: list[str] = field(default_factory=lambda: [TOPIC])

    @property
    def works(self) -> Sequence[Work]:
        """What everybody does, for `Load.run`."""
        return (
            *[self.write] * 2,
            self.confirm,
            self.forget,
            self.attach,
            self.import_rows,
            self.merge_topics,
            self.seek_partners,
        )

    async def open(self, patient: Load) -> None:
        """Makes what people need to begin."""
        content = {"title": "Gemeinsames Bauamt", "summary": "Zwei Gemeinden.", "participations_complete": False}
        drafted = await patient.command("draft_project", "catalog", "/projects", content | {"topics": [TOPIC]})
        self.project = str(drafted["id"])
        for action in ("submissions", "publications"):
            assert await patient.command(action, "catalog", f"/projects/{self.project}/{action}")
        path = f"/projects/{self.project}/contact-address"
        assert await patient.insist(Asked("set_contact", "catalog", "PUT", path, uuid4(), {"email": CONTACT}))
        for number, (latitude, longitude) in enumerate(PLACES):
            body = {
                "name": f"Zweckverband Sturm {number}",
                "type": "special_purpose_association",
                "latitude": latitude,
                "longitude": longitude,
                "confirmed_new": True,
            }
            made = await patient.command("register_organisation", "catalog", "/organisations", body)
            self.organisations.append(str(made["id"]))

    async def finish(self, patient: Load) -> None:
        """Once everything that needs several steps, which may have come to nothing in a short storm."""
        calm = replace(self, load=patient)
        await calm.attach()
        code = await calm.define_topic()
        await patient.command("merge_topic", "catalog", f"/topics/{code}/mergers", MERGER | {"into": TOPIC})
        await patient.insist(_forgetting("geht-0@stadt.example"))
        await patient.insist(self._text("bleibt-0@stadt.example"))
        async with asyncio.timeout(PATIENCE * patient.pace):
            while not any(address == "bleibt-0@stadt.example" for _, address in patient.letters):
                patient.collect()
                await asyncio.sleep(0.1)
        for _ in range(min(len(patient.letters), LATEST)):
            await calm.confirm()

    async def write(self) -> None:
        """A text for the contact, sometimes once more, or from two places at once."""
        dice = self.load.dice
        address = f"{dice.choice(('bleibt', 'geht'))}-{dice.randrange(WRITERS)}@stadt.example"
        text = self._text(address)
        again = [replace(text, key=uuid4()) for _ in range(dice.choice((1, 1, 2)))]
        await asyncio.gather(*map(self.load.insist, again))

    async def confirm(self) -> None:
        """Whoever wrote follows the link in the mail, or follows it again."""
        if not self.load.letters:
            return
        token, address = self.load.letters[-1]
        self.load.letters.rotate(1)
        path = f"/contact-requests/{token}/confirmations"
        await self.load.insist(Asked("confirm_text", "catalog", "POST", path, uuid4(), {}, address))

    async def forget(self) -> None:
        """Somebody who may have written is forgotten in every service."""
        await asyncio.sleep(self.load.pace * self.load.dice.uniform(0.5, 2))
        await self.load.insist(_forgetting(f"geht-{self.load.dice.randrange(WRITERS)}@stadt.example"))

    async def attach(self) -> None:
        """Files beside a draft; one of them is sent from two places at once."""
        content = {"title": f"Sturmschäden {uuid4().hex[:6]}", "summary": "Bilder.", "participations_complete": False}
        drafted = await self.load.command("draft_project", "catalog", "/projects", content)
        if drafted is None:
            return
        first, second = (PDF % uuid4().hex.encode() for _ in range(2))
        files = [self._file(drafted["id"], each) for each in (first, first, second)]
        await asyncio.gather(*map(self.load.insist, files))

    async def import_rows(self) -> None:
        """A file of a few projects; sometimes two have the same idea."""
        office = uuid4().hex[:8]
        rows = [f"{number};{title_of(office, number)};Gemeinsam.;Stürme;nein" for number in range(ROWS)]
        text = "\r\n".join(["Kennung;Titel;Kurzfassung;Themen;Alle Beteiligten genannt", *rows])
        query = urlencode({"mode": "all_or_none", "status": "published", "source": office})
        path = f"/projects/imports?{query}"
        asked = [
            Asked("import", "catalog", "POST", path, uuid4(), text.encode(), office, content_type="text/csv")
            for _ in range(self.load.dice.choice((1, 2)))
        ]
        await asyncio.gather(*map(self.load.insist, asked))
        await asyncio.sleep(self.load.pace * self.load.dice.uniform(0, 0.5))

    async def merge_topics(self) -> None:
        """A new topic; one of the last few goes into another."""
        if await self.define_topic() is None:
            return
        one, other = self.load.dice.sample(self.topics[-4:], 2)
        if one != TOPIC:
            await self.load.command("merge_topic", "catalog", f"/topics/{one}/mergers", MERGER | {"into": other})

    async def define_topic(self) -> str | None:
        """The code of a new topic; None when something came between."""
        code = f"storm_{uuid4().hex[:8]}"
        body = {"code": code, "slug": code, "label": f"Sturm {code[6:]}", "group": "weather"}
        if await self.load.command("define_topic", "catalog", "/topics", body) is None:
            return None
        self.topics.append(code)
        return code

    async def seek_partners(self) -> None:
        """One of the two organisations seeks what the other one offers."""
        if self.opened == len(KINDS) * MOST_REQUESTS:
            return
        side = self.opened % len(KINDS)
        self.opened += 1
        body = {
            "kind": KINDS[side],
            "organisation_id": self.organisations[side],
            "title": f"Bauhof {uuid4().hex[:6]}",
            "text": "Fahrzeuge und Personal.",
            "topics": [TOPIC],
        }
        await self.load.command("open_request", "catalog", "/cooperation-requests", body)

    async def downloads(self, projects: Sequence[str]) -> dict[str, list[str]]:
        """What each project lists as files, by the SHA-256 of what one gets."""
        return {project: [await self._digest(href) for href in await self._files(project)] for project in projects}

    async def found(self) -> list[int]:
        """How many public projects the search finds, by each way in."""
        pages = [await self._get(base, "/api/v1/projects?status=published&limit=1") for base in self.load.bases]
        return [int(orjson.loads(content)["total"]) for _, content in pages]

    def _text(self, address: str) -> Asked:
        body = {"email": address, "name": "Erika Muster", "message": f"Wie teilen Sie die Kosten? {uuid4().hex}"}
        return Asked("write", "catalog", "POST", f"/projects/{self.project}/contact-requests", uuid4(), body, address)

    def _file(self, project: str, content: bytes) -> Asked:
        query = urlencode({"title": "Schaden", "kind": "checklist", "filename": "schaden.pdf"})
        path = f"/projects/{project}/documents?{query}"
        return Asked("attach", "catalog", "POST", path, uuid4(), content, content_type="application/pdf")

    async def _files(self, project: str) -> list[str]:
        status, content = await self._get(self.load.bases[0], f"/api/v1/projects/{project}")
        assert status == 200, content
        return [str(each["file"]["href"]) for each in orjson.loads(content)["documents"] if each["file"]]

    async def _digest(self, href: str) -> str:
        status, content = await self._get(self.load.bases[0], href)
        return hashlib.sha256(content).hexdigest() if status == 200 else f"answered {status}"

    async def _get(self, base: str, path: str) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.load.token}"}
        async with self.load.client.get(f"{base}{path}", headers=headers) as answer:
            return answer.status, await answer.read()


def _forgetting(address: str) -> Asked:
    return Asked("forget", "gateway", "POST", "/people/erasures", uuid4(), {"email": address}, address)


def title_of(office: str, number: int) -> str:
    """What a row of an office's file is called."""
    return f"Gemeinsamer Winterdienst {office} {number}"
