"""The closed lists."""

import pytest

from services.catalog.vocabulary import VOCABULARIES, LegalForm, ProjectStatus, Term


@pytest.mark.parametrize("name", VOCABULARIES)
def test_codes_and_slugs_are_unique_and_fit_for_addresses(name: str) -> None:
    terms: list[Term] = list(VOCABULARIES[name])
    assert len({term.slug for term in terms}) == len(terms)
    for term in terms:
        assert str(term) == term.name.lower()
        assert term.slug.replace("_", "").isascii()
        assert term.slug == term.slug.lower()
        assert term.label.strip() == term.label != ""


def test_a_code_is_a_term() -> None:
    assert ProjectStatus("published") is ProjectStatus.PUBLISHED
    assert f"{ProjectStatus.PUBLISHED}" == "published"
    assert LegalForm.SPECIAL_PURPOSE_ASSOCIATION.law == "§§ 4–22a GkG NRW"
