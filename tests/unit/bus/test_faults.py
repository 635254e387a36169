"""What is said of an error says nothing of its values."""

import asyncpg
import pytest
from pydantic import BaseModel, ValidationError

from shared.kernel.faults import described


class Person(BaseModel):
    name: str
    age: int


def test_a_validation_names_fields_only() -> None:
    with pytest.raises(ValidationError) as caught:
        Person.model_validate({"name": 7, "age": "secret"})
    said = described(caught.value)
    assert said == (
        "ValidationError: name: Input should be a valid string; "
        "age: Input should be a valid integer, unable to parse string as an integer"
    )


def test_postgres_details_stay_out() -> None:
    error = asyncpg.UniqueViolationError("duplicate key\nDETAIL: Key (name)=(Ada) already exists.")
    assert described(error) == "UniqueViolationError: duplicate key"


def test_addresses_stay_out_and_it_ends_somewhere() -> None:
    assert "ada" not in described(KeyError("ada@example.org"))
    assert len(described(KeyError("x" * 5000))) == 1000
