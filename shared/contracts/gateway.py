"""What the gateway promises to others."""

from typing import ClassVar

from pydantic import AwareDatetime

from shared.contracts.contract import Contract


class PersonErased(Contract):
    """A person is to be forgotten: destroy the key, delete the rows kept under this id, send nothing more."""

    type: ClassVar[str] = "ikz.gateway.person.erased.v1"
    key: ClassVar[str] = "person_id"

    person_id: str


class DataLinkRequested(Contract):
    """Somebody asked for the link to the data kept about a person: it goes to the person's address and nowhere else.

    It is of no use after `expires_at`. `rpc.gateway.data_link` tells address and token.
    """

    type: ClassVar[str] = "ikz.gateway.person.data_link_requested.v1"
    key: ClassVar[str] = "person_id"

    person_id: str
    link_id: str
    expires_at: AwareDatetime
