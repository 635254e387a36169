"""What followers are told, as every fact that can be followed becomes a letter; and the digest."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from services.notify.digest_matter import HEADINGS, MOST_SHOWN, DigestCard, Item
from services.notify.digest_matter import compose as compose_digest
from services.notify.followed import BY_NAME, FOLLOWS, Thing, as_followed, follow_of, is_told, keys_of, thing_of
from services.notify.follower_letter import compose, text_for
from services.notify.letter import Letter
from services.notify.reasons import Follower, Reason, why
from services.notify.things import Shown
from services.notify.wished_kinds import WISHED
from shared.contracts.catalog import ProjectArchived, ProjectRevised
from shared.contracts.contract import Contract
from shared.contracts.events import SessionAnnounced, Times
from shared.contracts.notify import AnnouncementPublished
from tests.unit.notify.samples import PORTAL, TEXTS

CONTRACTS = Path(__file__).parents[2] / "contracts"
TYPES = {contract.type: contract for contract in FOLLOWS}


def examples() -> dict[str, Any]:
    """What their owners publish, as they say themselves."""
    found: dict[str, Any] = {}
    for file in sorted(CONTRACTS.glob("*/published/*.json")):
        example = json.loads(file.read_bytes())
        if example["type"] in TYPES:
            found[example["type"]] = TYPES[example["type"]].model_validate(example["data"])
    return found


EXAMPLES = examples()
TOPIC = Reason("11111111-1111-4111-8111-111111111111", "topic", "Bauhof")
SEARCH = Reason("22222222-2222-4222-8222-222222222222", "search", "„Deich“, Kreis Lippe")
SHOWN = Shown("Bauhof „Mitte“ <b>", Times(starts_at=dt.datetime(2027, 3, 30, 8, tzinfo=dt.UTC)), gone=False)


def follower(*reasons: Reason) -> Follower:
    return Follower("a@b.example", "token", {each.subscription_id: each for each in reasons})


def said(letter: Letter) -> str:
    return " ".join([letter.subject, letter.heading, *letter.opening, *letter.closing, letter.footnote])


def letter(cause: Any, *reasons: Reason) -> Letter:
    return compose(cause, SHOWN, (follower(*reasons), reasons), TEXTS, PORTAL)


@pytest.mark.parametrize("contract", FOLLOWS, ids=lambda contract: contract.type)
def test_every_fact_that_is_followed_becomes_a_whole_letter(contract: type[Contract]) -> None:
    cause = EXAMPLES[contract.type]
    found = letter(cause, TOPIC)
    assert "{" not in said(found)
    assert found.heading != found.tag
    assert found.button.url.startswith(f"{PORTAL}/")
    assert thing_of(cause).id in found.button.url
    assert found.footnote == "Sie erhalten diese Nachricht, weil Sie das Themengebiet „Bauhof“ abonniert haben."
    assert found.facts[-1].url == f"{PORTAL}/abonnement/token"
    assert follow_of(cause).wished in WISHED
    assert not follow_of(cause).kind.transactional


def test_kinds_have_one_meaning() -> None:
    assert len(BY_NAME) == len(FOLLOWS)
    assert set(HEADINGS) == set(BY_NAME)


def test_who_only_searches_is_told_of_a_hit_and_who_follows_a_project_of_its_change() -> None:
    revised = EXAMPLES[ProjectRevised.type]
    project = Reason("3", "project", "Bauhof")
    assert text_for(revised, [SEARCH]) == "saved_search_digest"
    assert text_for(revised, [SEARCH, TOPIC]) == "project_published"
    assert text_for(revised, [TOPIC, project]) == "project_revised"
    assert "„Deich“, Kreis Lippe" in letter(revised, SEARCH).footnote


def test_news_do_not_repeat_what_is_told_by_itself() -> None:
    news = AnnouncementPublished(announcement_id="a", kind="session_announcement", title="T", teaser="t")
    assert is_told(news)
    assert not is_told(news.model_copy(update={"session_id": "s"}))
    assert not is_told(news.model_copy(update={"resource_id": "r"}))
    portrait = news.model_copy(update={"kind": "project_portrait", "project_id": "p"})
    assert is_told(portrait)
    assert keys_of(portrait) == {"kind:project_portrait", "project:p"}
    assert text_for(portrait, [TOPIC]) == "project_portrait"
    assert not is_told(ProjectArchived(project_id="p", was_published=False))


def test_a_session_is_followed_by_all_it_says() -> None:
    announced = EXAMPLES[SessionAnnounced.type]
    assert keys_of(announced) >= {"kind:session_announcement", f"series:{announced.series_id}"}


@pytest.mark.parametrize(
    ("key", "followed"),
    [
        ("topic:bauhof", "topic:bauhof"),
        ("district:05766", "district:05766"),
        ("organisation:05766044", "municipality:05766044"),
        ("organisation:05766", "district:05766"),
        ("organisation:0190a000-0000-7000-8000-000000000001", None),
        ("~bauhof", None),
        ("best_practice:true", None),
    ],
)
def test_a_key_of_the_catalogues_is_subscribed_to_as(key: str, followed: str | None) -> None:
    assert as_followed(key) == followed


def test_why_names_some_and_says_that_there_are_more() -> None:
    reasons = [Reason(str(n), "topic", f"T{n}") for n in range(5)]
    assert why(reasons).endswith(
        "das Themengebiet „T0“, das Themengebiet „T1“, das Themengebiet „T2“ und Weiteres abonniert haben."
    )
    assert why([Reason("1", "search", None)]).endswith("weil Sie eine Suche abonniert haben.")
    assert why([Reason("1", "topic", None)]).endswith("weil Sie diese Inhalte abonniert haben.")


def items(count: int, kind: str, reason: Reason) -> list[Item]:
    return [Item(kind, Thing("project", str(n)), f"P{n}", None, (reason.subscription_id,)) for n in range(count)]


def test_a_digest_shows_kinds_one_after_the_other() -> None:
    mixed = [*items(1, "resource_available", TOPIC), *items(1, "session_cancelled", SEARCH)]
    found = compose_digest(DigestCard(follower(TOPIC, SEARCH), mixed), TEXTS, PORTAL)
    assert [fact.label for fact in found.facts] == ["Abgesagt", "Arbeitshilfe", "Ihre Abonnements"]
    assert found.subject == "2 Neuigkeiten für Sie"
    assert found.facts[0].outdated


def test_a_digest_of_searches_alone_is_called_so_and_a_long_one_is_cut() -> None:
    many = items(MOST_SHOWN + 1, "project_published", SEARCH)
    found = compose_digest(DigestCard(follower(SEARCH), many), TEXTS, PORTAL)
    assert found.subject == "Neue Treffer zu Ihrer Suche"
    assert found.opening == ("zu dem, wonach Sie suchen, steht im Katalog Neues: 51 neue Treffer.",)
    assert found.closing == ("Nicht gezeigt: ein weiterer Eintrag.",)
    assert len(found.facts) == MOST_SHOWN + 1
