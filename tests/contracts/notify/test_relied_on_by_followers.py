"""What other services really publish is understood where followers are told of it.

`relied_on` says what is relied on; an owner's own example has to have all of it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from services.notify.followed import FOLLOWS, is_told
from services.notify.follower_letter import compose
from services.notify.things import OF_ANNOUNCEMENTS, OF_CATALOGUE, OF_SESSIONS, Shown, kept
from shared.contracts.catalog import CooperationRequestClosed, OrganisationChanged, TopicMerged, TopicRenamed
from shared.contracts.contract import Contract
from tests.contracts.notify.test_relied_on import missing
from tests.unit.notify.samples import PORTAL, TEXTS
from tests.unit.notify.test_follower_letter import TOPIC, follower

HERE = Path(__file__).parent
KEPT: list[type[Contract]] = [*OF_SESSIONS, *OF_CATALOGUE, *OF_ANNOUNCEMENTS, CooperationRequestClosed]
OF_THINGS: list[type[Contract]] = list(dict.fromkeys([*FOLLOWS, *KEPT]))
OF_WORDS: list[type[Contract]] = [OrganisationChanged, TopicMerged, TopicRenamed]
READ = {contract.type: contract for contract in [*OF_THINGS, *OF_WORDS]}


def examples(folder: Path) -> dict[str, Any]:
    found = [json.loads(file.read_bytes()) for file in sorted(folder.glob("*.json"))]
    return {example["type"]: example["data"] for example in found if example["type"] in READ}


RELIED_ON = examples(HERE / "relied_on")
OWNERS = [examples(HERE.parent / owner / "published") for owner in ("events", "catalog", "notify")]
PUBLISHED = {type_: data for found in OWNERS for type_, data in found.items()}


def test_there_is_an_example_of_everything_that_is_relied_on() -> None:
    assert set(RELIED_ON) == set(PUBLISHED) == set(READ)


@pytest.mark.parametrize("type_", READ)
def test_an_owners_example_has_all_that_is_relied_on(type_: str) -> None:
    assert not missing(RELIED_ON[type_], PUBLISHED[type_])


@pytest.mark.parametrize("found", [RELIED_ON, PUBLISHED], ids=["relied on", "published"])
@pytest.mark.parametrize("contract", OF_THINGS, ids=lambda contract: contract.type)
def test_every_example_is_kept_and_told(found: dict[str, Any], contract: type[Contract]) -> None:
    cause: Any = contract.model_validate(found[contract.type])
    assert cause.title
    if contract in KEPT:
        thing, said = kept(cause)
        assert thing.id
        assert said["title"] == cause.title
        assert not any(key.startswith("kind:") for key in said.get("keys", ()))
    if contract in FOLLOWS and is_told(cause):
        letter = compose(cause, Shown(cause.title, None, gone=False), (follower(TOPIC), [TOPIC]), TEXTS, PORTAL)
        assert letter.opening
        assert letter.subject
