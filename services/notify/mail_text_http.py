"""The texts of mails over HTTP: read, changed, put back and looked at by editors before anybody gets them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.notify import mail_text_list, previews
from services.notify.layout import Layout
from services.notify.live_texts import LiveTexts
from services.notify.mail_text import MAIL_TEXT, ChangeMailText, MailTextCommand, ResetMailText, faults
from services.notify.mail_text_list import FIRST, MailTextItem, MailTextQuery, MailTextShown, MailTextVersion
from services.notify.previews import DOCUMENT, Previews
from services.notify.texts import Text, Words
from services.notify.trial_mail import Trials
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, Paging, Role, committed, page
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import FieldError, Problem

API = "/api/v1/mail-texts"
ONE = f"{API}/{{kind}}"
EDITORS: frozenset[Role] = frozenset({"editor"})
SEE: frozenset[Role] = frozenset({"editor", "operator"})
UNFIT = ("weekday_mismatch", "no_such_day")

type Said = Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000)]


class WordsBody(BaseModel):
    """What a mail is to say. `{name}` stands for what the text's placeholders explain; HTML is shown as it is written.

    `button` is left out where it depends on the recipient.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Said = Field(examples=["Verschoben: {session}"])
    heading: Said = Field(examples=["Der Termin wird verschoben"])
    opening: tuple[Said, ...] = Field(max_length=100, examples=[["{title} wird verschoben auf {when}."]])
    closing: tuple[Said, ...] = Field(default=(), max_length=100, examples=[["{standing}", "{calendar}"]])
    button: Said | None = None

    def words(self) -> Words:
        """As the aggregate takes them."""
        return Words.model_validate(self.model_dump())


class TrialBody(BaseModel):
    """Which of the previews is sent, and in which words; without any as the text reads now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(default=0, ge=0, le=999)
    words: WordsBody | None = None


class TrialAccepted(BaseModel):
    """It is on its way, to whoever asked and nobody else."""

    status: Literal["accepted"]


@dataclass(frozen=True, slots=True)
class MailTexts:
    """What the endpoints do. `texts` are those that are sent, `layout` makes mails of them."""

    journal: Journal
    pool: Pool
    texts: LiveTexts
    layout: Layout
    portal: str
    trials: Trials

    async def listed(self, call: Call) -> Answer:
        """One page of all texts."""
        changes = await mail_text_list.edited(self.pool)
        return page(mail_text_list.listed(self.texts.standards, changes, call.query), call)

    async def one(self, call: Call) -> Answer:
        """One text, with its version as the ETag."""
        name, standard = self._named(call)
        shown = mail_text_list.shown_as(name, standard, (await mail_text_list.edited(self.pool)).get(name))
        return Answer(shown, version=shown.version)

    async def history(self, call: Call) -> Answer:
        """Who changed it, when, and how it read from then on."""
        name, _ = self._named(call)
        return page(await mail_text_list.history(self.pool, name, call.query), call)

    async def change(self, call: Call) -> Answer:
        """Said differently from now on."""
        name, standard = self._named(call)
        words = checked(call.body, standard)
        return await self._committed(call, ChangeMailText(name=name, standard=standard, words=words))

    async def reset(self, call: Call) -> Answer:
        """Said again as the portal does by itself."""
        name, standard = self._named(call)
        return await self._committed(call, ResetMailText(name=name, standard=standard))

    async def previews(self, call: Call) -> Answer:
        """Every sample of the text, in these words or those that are sent now."""
        name, _ = self._named(call)
        return Answer(previews.previews(name, await self._drafted(call), self.layout, self.portal))

    async def document(self, call: Call) -> Answer:
        """One sample as a page of its own."""
        name, _ = self._named(call)
        samples = list(previews.letters(name, await self._drafted(call), self.portal))
        number = int(call.request.match_info["number"])
        if number >= len(samples):
            raise Problem("not_found")
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": DOCUMENT}
        return Answer(self.layout.html(samples[number][1]).encode(), headers=headers)

    async def try_out(self, call: Call) -> Answer:
        """One sample, mailed to who asks."""
        name, standard = self._named(call)
        asked: TrialBody = call.body or TrialBody()
        if asked.number >= len(previews.samples_of(name)):
            raise Problem("not_found")
        words = None if asked.words is None else checked(asked.words, standard, "/words")
        await self.trials.ask(name, asked.number, words, call.context())
        return Answer(TrialAccepted(status="accepted"))

    async def _drafted(self, call: Call) -> Mapping[str, Text]:
        """The texts as they would be with what was sent."""
        name, standard = self._named(call)
        await self.texts.refresh()
        if call.body is None:
            return self.texts
        return {**self.texts, name: standard.saying(checked(call.body, standard))}

    async def _committed(self, call: Call, command: MailTextCommand) -> Answer:
        expected = None if call.expected_version is None else call.expected_version - FIRST
        outcome = await self.journal.transact(
            MAIL_TEXT, command.name, command, call.context(), expected_version=expected
        )
        await self.texts.refresh()
        return committed(replace(outcome, version=outcome.version + FIRST))

    def _named(self, call: Call) -> tuple[str, Text]:
        name = call.request.match_info["kind"]
        standard = self.texts.standards.get(name)
        if standard is None:
            raise Problem("not_found")
        return name, standard


def checked(body: WordsBody, standard: Text, within: str = "") -> Words:
    """The words, if they can be sent as this text; `invalid_request` names everything that is wrong with them."""
    words = body.words()
    if found := faults(words, standard):
        errors = [FieldError(f"{within}{each.field}", each.code, each.detail) for each in found]
        raise Problem("invalid_request", errors=errors)
    return words


def endpoints(do: MailTexts) -> Sequence[Endpoint]:
    """Everything about texts."""
    return [
        Endpoint(
            "GET",
            API,
            do.listed,
            "List the texts of mails",
            query=MailTextQuery,
            answer=Page[MailTextItem],
            roles=SEE,
        ),
        Endpoint(
            "GET",
            ONE,
            do.one,
            "Read a mail's text, with what its placeholders stand for",
            answer=MailTextShown,
            roles=SEE,
            codes=("not_found",),
        ),
        Endpoint(
            "GET",
            f"{ONE}/history",
            do.history,
            "See how a mail's text came to read as it does",
            query=Paging,
            answer=Page[MailTextVersion],
            roles=SEE,
            codes=("not_found",),
        ),
        Endpoint(
            "PUT",
            ONE,
            do.change,
            "Change a mail's text",
            body=WordsBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", *UNFIT),
            if_match=True,
            description="It counts for every message that is written from then on, those that wait included.",
        ),
        Endpoint(
            "DELETE",
            ONE,
            do.reset,
            "Put a mail's text back to what the portal comes with",
            answer=Committed,
            roles=EDITORS,
            codes=("not_found",),
            if_match=True,
        ),
        *_looking(do),
    ]


def _looking(do: MailTexts) -> Sequence[Endpoint]:
    document = f"{ONE}/previews/{{number:[0-9]{{1,3}}}}"
    return [
        Endpoint(
            "POST",
            f"{ONE}/previews",
            do.previews,
            "See what a mail would look like to each kind of recipient",
            body=WordsBody,
            body_required=False,
            answer=Previews,
            roles=SEE,
            codes=("not_found",),
            description="In the words that are sent, or as it reads now without any. Nobody in it exists.",
        ),
        Endpoint(
            "GET",
            document,
            do.document,
            "See one of the previews as a page",
            roles=SEE,
            codes=("not_found",),
            media_type="text/html",
        ),
        Endpoint(
            "POST",
            document,
            do.document,
            "See one of the previews as a page, in the words that are sent",
            body=WordsBody,
            body_required=False,
            roles=SEE,
            codes=("not_found",),
            media_type="text/html",
        ),
        Endpoint(
            "POST",
            f"{ONE}/test-mails",
            do.try_out,
            "Mail one of the previews to yourself",
            body=TrialBody,
            body_required=False,
            answer=TrialAccepted,
            status=202,
            roles=EDITORS,
            codes=("not_found", "own_address_unknown"),
            description="It goes to the address that the caller's access was given to, and to nobody else.",
        ),
    ]
