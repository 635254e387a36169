"""Whom and what a cell means: all organisations and topics at one moment, found by any name they go by."""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.catalog import organisation_directory, topic_list
from services.catalog.cells import LONGEST_NAME, Unreadable, shortened, spelling
from services.catalog.naming import name_keys
from services.catalog.organisation_directory import Meant
from services.catalog.project_content import Body, Presently
from services.catalog.vocabulary import OrganisationType
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Connection

WITH_KEY = re.compile(r"(?P<name>.*\S)\s*[\[(](?P<key>[0-9a-fA-F -]{4,36})[\])]$|(?P<first>\d{8}|\d{5})\s+\S.*$")
KEY = re.compile(r"\d{4,5}|\d{7,8}")
MOST_CANDIDATES = 5
MOST_REMEMBERED = 20_000
RESEMBLING = 0.75
MOST_GUESSES = 50  # how often names that resemble are looked for: a file of nonsense must not take long


@dataclass(slots=True)
class Organisations:
    """The directory in memory."""

    by_id: Mapping[str, Meant]
    by_ags: Mapping[str, Meant]
    by_name: Mapping[str, Sequence[Meant]]
    _found: dict[str, Meant | Unreadable] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    _guesses: int = 0

    def meant(self, text: str) -> Meant:
        """The one that is meant by an id, an official key or a name; `Unreadable` when there is none or several."""
        found = self._found.get(text)
        if found is None:
            try:
                found = self._find(text.strip())
            except Unreadable as unreadable:
                found = unreadable.with_traceback(None)  # which would keep everything that was looked at
            if len(self._found) < MOST_REMEMBERED:
                self._found[text] = found
        if isinstance(found, Unreadable):
            raise Unreadable(found.code, found.detail)
        return found

    def text_of(self, organisation_id: str) -> str:
        """How an organisation is written so that it is found again: its name and its official key, or its id."""
        text = self._texts.get(organisation_id)
        if text is None:
            one = self.by_id.get(organisation_id)
            if one is None:  # registered since
                return organisation_id
            alone = one.ags is None and [each.id for each in self._named(one.name)] == [one.id]
            text = one.name if alone else f"{one.name} ({one.ags or one.id})"
            self._texts[organisation_id] = text
        return text

    def _find(self, text: str) -> Meant:
        if len(text) > LONGEST_NAME:
            raise Unreadable("unknown_organisation", f"„{shortened(text)}“ ist zu lang für den Namen einer Stelle.")
        if one := self._by_key(text):
            return one
        if with_key := WITH_KEY.fullmatch(text):
            if one := self._by_key(with_key["key"] or with_key["first"]):
                return one
            if not self._named(text):
                raise Unreadable("unknown_organisation", f"Den Schlüssel in „{shortened(text)}“ gibt es nicht.")
        candidates = self._named(text)
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            listed = ", ".join(f"{each.name} ({each.ags or each.id})" for each in candidates[:MOST_CANDIDATES])
            raise Unreadable("ambiguous_organisation", f"„{shortened(text)}“ kann mehrere Stellen meinen: {listed}.")
        raise Unreadable("unknown_organisation", self._unknown(text))

    def _by_key(self, text: str) -> Meant | None:
        if (known := parse_id(text.strip())) is not None:
            return self.by_id.get(str(known))
        digits = text.replace(" ", "")
        if not KEY.fullmatch(digits):
            return None
        return self.by_ags.get(digits.zfill(5 if len(digits) < 6 else 8))  # a spreadsheet drops the first zero

    def _named(self, text: str) -> list[Meant]:
        """By the whole name, else without an epithet. The rank of a city as a district is not the city."""
        for key in name_keys(text):
            found = {each.id: each for each in self.by_name.get(key, ())}
            bodies = [each for each in found.values() if each.type is not OrganisationType.INDEPENDENT_CITY_DISTRICT]
            if found:
                return bodies or list(found.values())
        return []

    def _unknown(self, text: str) -> str:
        said = f"Die Stelle „{shortened(text)}“ ist nicht im Verzeichnis."
        self._guesses += 1
        if self._guesses > MOST_GUESSES or not (keys := name_keys(text[:100])):
            return said
        alike = difflib.get_close_matches(keys[-1], self.by_name, n=3, cutoff=RESEMBLING)
        names = dict.fromkeys(each.name for key in alike for each in self.by_name[key])
        return f"{said} Ist eine von diesen gemeint: {', '.join(names)}?" if names else said


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics in memory: the code of every spelling; of every code the label, the group, and the code it has now."""

    codes: Mapping[str, str]
    labels: Mapping[str, str]
    groups: Mapping[str, str]
    codes_now: Mapping[str, str]
    _found: dict[str, str] = field(default_factory=dict)

    def meant(self, text: str) -> str:
        """The code of the topic that a code, a German word or a label, present or former, names."""
        code = self._found.get(text)
        if code is None and (code := self.codes.get(spelling(text))) is not None:
            self._found[text] = code
        if code is None:
            raise Unreadable("unknown_topic", f"Das Themengebiet „{shortened(text)}“ gibt es nicht.")
        return code

    def present(self, code: str) -> str:
        """The code of the topic that stands for this one now."""
        return self.codes_now.get(code, code)

    def label_of(self, code: str) -> str:
        """The label a topic has now."""
        return self.labels.get(code, code)


@dataclass(frozen=True, slots=True)
class Lookup:
    """Both, and where those lead that were merged."""

    organisations: Organisations
    topics: Topics
    presently: Presently = field(init=False)

    def __post_init__(self) -> None:
        """Finds them once, for all the contents that will be asked about."""
        topics = {code: now for code, now in self.topics.codes_now.items() if code != now}
        organisations = {
            key: Body(organisation_id=meant.id, ags=meant.ags)
            for key, meant in self.organisations.by_id.items()
            if key != meant.id
        }
        object.__setattr__(self, "presently", Presently(topics=topics, organisations=organisations))


async def load(connection: Connection) -> Lookup:
    """Everything as it is now."""
    return Lookup(
        organisations_of(await organisation_directory.everything(connection)),
        topics_of(await topic_list.everything(connection)),
    )


def organisations_of(entries: Iterable[tuple[str, str | None, str, Meant]]) -> Organisations:
    """From the directory's entries: id, official key, `|key|key|` of the names, and who is meant by them."""
    by_id: dict[str, Meant] = {}
    by_ags: dict[str, Meant] = {}
    by_name: dict[str, list[Meant]] = defaultdict(list)
    for entry_id, ags, keys, meant in entries:
        by_id[entry_id] = meant
        if ags:
            by_ags[ags] = meant
        for key in filter(None, keys.split("|")):
            by_name[key].append(meant)
    return Organisations(by_id, by_ags, dict(by_name))


def topics_of(entries: Iterable[topic_list.Entry]) -> Topics:
    """From every topic there is."""
    topics = list(entries)
    labels = {topic.code: topic.label for topic in topics}
    codes = {spelling(name): topic.present for topic in topics for name in topic.former_labels}
    codes |= {spelling(name): topic.present for topic in topics for name in (topic.code, topic.slug, topic.label)}
    shown = {topic.code: labels.get(topic.present, topic.label) for topic in topics}
    groups = {topic.code: topic.group for topic in topics}
    return Topics(codes, shown, groups, {topic.code: topic.present for topic in topics})
