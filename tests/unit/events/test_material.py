"""Materials: drafts, releases of several at once, files in versions, what was taken back."""

import datetime as dt
from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest
from hypothesis import given as assume
from hypothesis import strategies as st

from services.events.material import (
    DECIDER,
    MOST,
    AddMaterial,
    DeleteMaterial,
    MaterialCommand,
    ReleaseMaterials,
    ReplaceFile,
    ReviseMaterial,
    Shelf,
    WithdrawMaterial,
)
from services.events.material_events import (
    Details,
    FileReplaced,
    MaterialAdded,
    MaterialDeleted,
    MaterialEvent,
    MaterialRevised,
    MaterialsReleased,
    MaterialWithdrawn,
    ReleasedItem,
    TalkRef,
)
from services.events.material_list import answer, file_of, refer, slides_in
from services.events.programme import Talk
from shared.contracts.events import MaterialPublished
from shared.kernel.decider import NotThere, Refused
from shared.kernel.stored_file import StoredFile
from shared.kernel.testing import Given, given

SESSION = "11111111-1111-4111-8111-111111111111"
SERIES = "22222222-2222-4222-8222-222222222222"
NOW = dt.datetime(2025, 7, 1, 12, tzinfo=dt.UTC)
PDF, PNG = "application/pdf", "image/png"


def told(events: Sequence[MaterialEvent] = ()) -> Given[Shelf, MaterialCommand, MaterialEvent]:
    return given(DECIDER, events)


def file(number: int = 1, media_type: str = PDF) -> StoredFile:
    ending = ".pdf" if media_type == PDF else ".png"
    return StoredFile(name=f"Vortrag {number}{ending}", media_type=media_type, size=number, sha256=f"{number:064x}")


def details(**changes: Any) -> Details:
    return Details(**({"kind": "slides", "title": "Folien"} | changes))


def added(key: str, place: int = 1, media_type: str = PDF, **changes: Any) -> MaterialAdded:
    said, kept = details(**changes), file(1, media_type)
    return MaterialAdded(session_id=SESSION, material_id=key, place=place, details=said, file=kept, at=NOW)


def add(key: str, number: int = 1, **changes: Any) -> AddMaterial:
    return AddMaterial(session_id=SESSION, material_id=key, details=details(**changes), file=file(number))


def release(number: str, *keys: str) -> ReleaseMaterials:
    return ReleaseMaterials(
        release_id=number, series_id=SERIES, title="Digitale Sprechstunde", material_ids=keys or None
    )


def released(number: str, *keys: str, talk: str | None = None) -> MaterialsReleased:
    items = tuple(ReleasedItem(material_id=key, title="Folien", talk=talk, file=file()) for key in keys)
    return MaterialsReleased(
        session_id=SESSION, release_id=number, series_id=SERIES, title="Digitale Sprechstunde", items=items, at=NOW
    )


def withdrawn(key: str, reason: str = "Rechte fehlen") -> MaterialWithdrawn:
    return MaterialWithdrawn(material_id=key, reason=reason, at=NOW)


def test_an_upload_is_a_draft() -> None:
    told().when(add("a")).then([added("a")])
    told([added("a")]).when(add("b")).then([added("b", place=2)])


def test_a_photo_says_what_is_to_be_seen_and_whose_it_is() -> None:
    photo: dict[str, Any] = {"kind": "photo", "alt": "Das Podium", "credit": "Stadt Beispiel"}
    told().when(add("a", **photo | {"alt": None})).refused("photo_needs_alt", field="/alt")
    told().when(add("a", **photo | {"credit": None})).refused("photo_needs_credit", field="/credit")
    told().when(add("a", **photo)).refused("photo_is_no_image", field="/kind")
    command = add("a", **photo).model_copy(update={"file": file(1, PNG)})
    there = told().when(command).then([added("a", media_type=PNG, **photo)])
    there.when(ReplaceFile(material_id="a", file=file(2))).refused("photo_is_no_image")
    there.when(ReviseMaterial(material_id="a", details=details(kind="photo"))).refused("photo_needs_alt")


def test_a_release_takes_all_drafts_and_is_told_once() -> None:
    there = told([added("a"), added("b", place=2)])
    after = there.when(release("r1")).then([released("r1", "a", "b")])
    after.when(release("r2")).refused("nothing_to_release")
    after.when(release("r2", "b", "a")).nothing()


def test_a_release_takes_what_is_named_and_a_later_one_the_rest() -> None:
    there = told([added("a"), added("b", place=2), added("c", place=3)])
    some = there.when(release("r1", "c", "a", "c")).then([released("r1", "a", "c")])
    some.when(release("r2", "a", "b", "c")).then([released("r2", "b")])


def test_it_is_released_in_the_order_of_the_list() -> None:
    there = told([added("a"), added("b", place=2, position=1)])
    there.when(release("r1")).then([released("r1", "b", "a")])


def test_what_is_not_there_is_not_released() -> None:
    gone: list[MaterialEvent] = [added("a"), added("b", place=2), MaterialDeleted(material_id="b", at=NOW)]
    told(gone).when(release("r1", "a", "b")).refused("unknown_material", field="/material_ids/1")
    told(gone).when(release("r1")).then([released("r1", "a")])
    told([added("a"), released("r1", "a"), withdrawn("a")]).when(release("r2", "a")).refused(
        "material_withdrawn", field="/material_ids/0"
    )


def test_others_learn_of_a_release_with_all_its_files() -> None:
    event = released("r1", "a", "b", talk="Gemeinsam planen")
    contract = DECIDER.publish(event)
    assert isinstance(contract, MaterialPublished)
    assert (contract.aggregate, contract.session_id) == ("material/r1", SESSION)
    assert [(each.material_id, each.talk, each.file_name, each.size) for each in contract.items] == [
        ("a", "Gemeinsam planen", "Vortrag 1.pdf", 1),
        ("b", "Gemeinsam planen", "Vortrag 1.pdf", 1),
    ]


def test_a_draft_is_deleted_and_what_was_seen_is_not() -> None:
    gone = told([added("a")]).when(DeleteMaterial(material_id="a"))
    after = gone.then([MaterialDeleted(material_id="a", at=NOW)])
    after.when(ReplaceFile(material_id="a", file=file(2))).not_there()
    after.when(add("a")).nothing()
    seen = told([added("a"), released("r1", "a")])
    seen.when(DeleteMaterial(material_id="a")).refused("material_released")


def test_what_was_seen_is_taken_back_with_a_reason() -> None:
    command = WithdrawMaterial(material_id="a", reason="Rechte fehlen")
    told([added("a")]).when(command).refused("material_not_released")
    after = told([added("a"), released("r1", "a")]).when(command).then([withdrawn("a")])
    after.when(WithdrawMaterial(material_id="a", reason="anders")).refused("material_withdrawn")
    after.when(ReviseMaterial(material_id="a", details=details(title="Neu"))).refused("material_withdrawn")


def test_a_new_file_makes_a_draft_of_what_was_taken_back_and_the_old_one_stays_gone() -> None:
    past: list[MaterialEvent] = [added("a"), released("r1", "a"), withdrawn("a")]
    replaced = FileReplaced(material_id="a", number=2, file=file(), at=NOW)
    after = told(past).when(ReplaceFile(material_id="a", file=file())).then([replaced])
    material = after.state.materials["a"]
    assert (material.status, file_of(material, 1, for_editors=True)) == ("draft", None)
    assert file_of(material, 2, for_editors=False) is None
    again = after.when(release("r2")).then([released("r2", "a")])
    assert file_of(again.state.materials["a"], None, for_editors=False) == (2, file())
    after.when(DeleteMaterial(material_id="a")).refused("material_released")
    after.when(WithdrawMaterial(material_id="a", reason="doch nicht")).then([withdrawn("a", "doch nicht")])


def test_readers_get_the_versions_since_the_release() -> None:
    past: list[MaterialEvent] = [
        added("a"),
        FileReplaced(material_id="a", number=2, file=file(2), at=NOW),
        released("r1", "a"),
        FileReplaced(material_id="a", number=3, file=file(3), at=NOW),
    ]
    material = told(past).state.materials["a"]
    assert [file_of(material, n, for_editors=False) for n in (1, 2, 3, 4)] == [None, (2, file(2)), (3, file(3)), None]
    assert [each.version for each in answer(material, None).versions] == [3, 2]
    assert [each.version for each in answer(material, 7).versions] == [3, 2, 1]


def test_the_same_file_again_is_no_version() -> None:
    told([added("a")]).when(ReplaceFile(material_id="a", file=file())).nothing()


def test_an_editor_who_saw_something_older_is_told() -> None:
    past: list[MaterialEvent] = [
        added("a"),
        added("b", place=2),
        MaterialRevised(material_id="a", details=details(title="Neu"), at=NOW),
    ]
    command = ReviseMaterial(material_id="a", details=details(title="Anders"), seen=1)
    told(past).when(command).refused("stale_version")
    told(past).when(command.model_copy(update={"seen": 4})).refused("stale_version")
    fine = command.model_copy(update={"material_id": "b", "seen": 2})
    told(past).when(fine).then([MaterialRevised(material_id="b", details=fine.details, at=NOW)])


@pytest.mark.parametrize(
    "command",
    [
        ReviseMaterial(material_id="x", details=details()),
        ReplaceFile(material_id="x", file=file()),
        DeleteMaterial(material_id="x"),
        WithdrawMaterial(material_id="x", reason="weg"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_is_not_there_cannot_be_changed(command: MaterialCommand) -> None:
    told([added("a")]).when(command).not_there()


def test_a_session_has_only_so_many() -> None:
    full: list[MaterialEvent] = [added(str(n), place=n) for n in range(1, MOST + 1)]
    told(full).when(add("one more")).refused("too_many_materials", most=MOST)
    room: list[MaterialEvent] = [*full, MaterialDeleted(material_id="1", at=NOW)]
    told(room).when(add("one more")).then([added("one more", place=MOST + 1)])


class TestTalks:
    PLANNED = (Talk(title="Begrüßung"), Talk(title="Praxis"), Talk(title="Praxis"))

    def refer(self, talk_id: str | None = None, place: int | None = None, title: str | None = None) -> TalkRef | None:
        return refer(self.PLANNED, talk_id=talk_id, place=place, title=title)

    def test_a_talk_is_meant_by_its_place_or_title(self) -> None:
        assert self.refer(place=3) == TalkRef(place=3, title="Praxis")
        assert self.refer(title="Praxis") == TalkRef(place=2, title="Praxis")
        assert self.refer(place=1, title="Praxis") is None
        assert self.refer(place=4) is self.refer() is self.refer(talk_id=SESSION) is None

    def slides(self, *said: TalkRef) -> Shelf:
        return told([added(str(n), place=n, talk=ref) for n, ref in enumerate(said, 1)]).state

    def test_each_talk_has_its_own_slides_though_two_are_called_the_same(self) -> None:
        shelf = self.slides(TalkRef(place=3, title="Praxis"))
        found = slides_in(self.PLANNED, shelf.drafts)
        assert found == [None, None, "/api/v1/materials/1/file"]

    def test_a_talk_with_an_id_is_meant_by_it_and_keeps_its_slides_under_another_title(self) -> None:
        planned = (Talk(title="Praxis"), Talk(talk_id=SERIES, title="Praxis"))
        said = refer(planned, talk_id=SERIES, place=None, title=None)
        assert said == TalkRef(talk_id=SERIES, place=2, title="Praxis")
        shelf = self.slides(said)
        renamed = (Talk(title="Praxis"), Talk(title="Neu"), Talk(talk_id=SERIES, title="Aus der Praxis"))
        assert slides_in(renamed, shelf.drafts) == [None, None, "/api/v1/materials/1/file"]

    def test_slides_find_their_talk_where_the_programme_was_held_in_another_order(self) -> None:
        shelf = self.slides(TalkRef(place=3, title="Praxis"), TalkRef(place=1, title="fiel aus"))
        held = (Talk(title="Praxis"), Talk(title="Nachtrag"))
        assert slides_in(held, shelf.drafts) == ["/api/v1/materials/1/file", None]


KEYS = st.sampled_from(["a", "b", "c"])
COMMANDS = st.one_of(
    st.builds(add, KEYS, st.integers(1, 3)),
    st.builds(lambda key, number: ReplaceFile(material_id=key, file=file(number)), KEYS, st.integers(1, 3)),
    st.builds(lambda key: DeleteMaterial(material_id=key), KEYS),
    st.builds(lambda key, reason: WithdrawMaterial(material_id=key, reason=reason), KEYS, st.sampled_from("xy")),
    st.builds(lambda number, keys: release(number, *keys), st.sampled_from("123"), st.sets(KEYS)),
)


def attempt(shelf: Shelf, command: MaterialCommand) -> Sequence[MaterialEvent]:
    try:
        return DECIDER.decide(command, shelf, NOW)
    except (Refused, NotThere):
        return []


@assume(st.lists(COMMANDS, max_size=30))
def test_whatever_is_asked_each_release_is_told_once_and_readers_see_only_what_was_released(
    commands: list[MaterialCommand],
) -> None:
    shelf = DECIDER.initial
    releases: list[str] = []
    told_of: set[tuple[str, StoredFile]] = set()
    for command in commands:
        events = attempt(shelf, command)
        shelf = reduce(DECIDER.evolve, events, shelf)
        assert attempt(shelf, command) == []
        for event in events:
            if isinstance(event, MaterialsReleased):
                releases.append(event.release_id)
                told_of |= {(item.material_id, item.file) for item in event.items}
    assert len(releases) == len(set(releases))
    for key, material in shelf.materials.items():
        seen = answer(material, None).versions
        first = material.public_from
        assert bool(seen) == (first is not None and material.status == "released")
        if seen:
            assert (key, material.files[seen[-1].version - 1]) in told_of
