"""What the gateway promises to others."""

from typing import ClassVar

from shared.contracts.contract import Contract


class PersonErased(Contract):
    """A person is to be forgotten: destroy the key, delete the rows kept under this id, send nothing more."""

    type: ClassVar[str] = "ikz.gateway.person.erased.v1"
    key: ClassVar[str] = "person_id"

    person_id: str
