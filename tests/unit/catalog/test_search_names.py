"""Names as search knows them."""

from services.catalog.search_names import Body, TopicName, names_of
from services.catalog.search_words import Words
from services.catalog.vocabulary import OrganisationType


def test_what_went_into_an_entry_of_newer_code_stands_for_itself() -> None:
    """The entry that stays cannot be read here: everything else is found all the same."""
    body = Body("1", None, "Altverein", OrganisationType.CULTURAL_INSTITUTION, ("Altverein",), (), merged_into="2")
    topic = TopicName("old", "Altes", ("Altes",), "group", "Gruppe", merged_into="new")
    names = names_of([topic], [body], Words())
    assert names.body("1") == body
    assert names.present("topic", "old") == "old"
