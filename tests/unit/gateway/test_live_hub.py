"""What is kept for open streams, and how many there may be."""

import pytest

from services.gateway.live_api import Open
from services.gateway.live_hub import KEPT, Behind, Hub, Item, Part, Place, place_of, visible
from shared.kernel.problems import Problem


def place(number: int, mark: str = "0") -> Place:
    return place_of(f"{number}-{mark * 8}")


def item(number: int, person_id: str | None = None) -> Item:
    return Item(place(number), person_id, f"id: {number}\n\n".encode())


def part(*numbers: int, last: int | None = None, reset: bool = False) -> Part:
    return Part(list(map(item, numbers)), place(last if last is not None else numbers[-1]), reset)


def numbers(items: list[Item]) -> list[int]:
    return [each.place.number for each in items]


def test_what_follows_a_place_is_known_from_where_the_reader_began() -> None:
    hub = Hub()
    with pytest.raises(Behind):
        hub.after(place(0))
    hub.begin(part(4, 5, 7, last=8))
    hub.add(part(9))
    assert [numbers(hub.after(place(number))) for number in (3, 4, 6, 8, 9, 12)] == [
        [4, 5, 7, 9],
        [5, 7, 9],
        [7, 9],
        [9],
        [],
        [],
    ]
    with pytest.raises(Behind):
        hub.after(place(2))


def test_another_item_of_the_same_number_is_no_place_to_go_on_from() -> None:
    hub = Hub()
    hub.begin(part(4, 5, last=6))
    assert [hub.knows(place(number)) for number in (3, 4, 5, 6, 7)] == [False, True, True, True, False]
    assert not hub.knows(place(4, "f"))
    assert not hub.knows(place(6, "f"))
    with pytest.raises(Behind):
        hub.after(place(4, "f"))


def test_only_the_newest_are_kept() -> None:
    hub = Hub()
    hub.begin(part(last=0))
    for number in range(1, 5 * KEPT):
        hub.add(part(number))
    kept = numbers(hub.after(Place(hub.floor or 0, "")))
    assert KEPT <= len(kept) < 2 * KEPT
    assert kept[-1] == 5 * KEPT - 1
    assert kept == list(range(kept[0], 5 * KEPT))


def test_a_service_that_begins_anew_counts_as_one_reset() -> None:
    hub = Hub()
    hub.begin(part(1, 2))
    assert hub.resets == 0
    hub.begin(part(last=1, reset=True))
    assert (hub.resets, hub.after(place(1)), hub.last) == (1, [], place(1))


async def test_whoever_asks_before_looking_misses_nothing() -> None:
    hub = Hub()
    more = hub.next()
    hub.begin(part(1))
    assert more.is_set()
    more = hub.next()
    hub.add(part(last=1))
    assert not more.is_set()
    hub.add(part(2))
    assert more.is_set()
    more = hub.next()
    hub.close()
    assert more.is_set()
    assert hub.closed


def test_what_concerns_a_person_is_visible_to_nobody_else() -> None:
    items = [item(1), item(2, "anna"), item(3, "bela"), item(4, "")]
    assert [numbers(visible(items, who)) for who in (None, "anna", "bela", "cora")] == [[1], [1, 2], [1, 3], [1]]


@pytest.mark.parametrize("text", ["", "1", "1-", "x-00000000", "1-0000000", "1-0000000G", "-1-00000000", "01-00000000"])
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        place_of(text)


def test_streams_are_limited_by_network_and_in_all() -> None:
    streams = Open(3, 2)
    with streams.one("a"), streams.one("a"):
        with pytest.raises(Problem, match="too_many_requests"), streams.one("a"):
            pass
        with streams.one("b"), pytest.raises(Problem, match="unavailable"), streams.one("c"):
            pass
        assert streams.total == 2
    assert (streams.total, dict(streams._networks)) == (0, {})
    unlimited = Open(None, None)
    with unlimited.one("a"), unlimited.one("a"):
        assert unlimited.total == 2
