"""What every contract is: a published event with a stable type, version and key. Imports nothing of ours."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """The `data` of a published event. It names people by id only and never carries personal data.

    `type` is the CloudEvents type `ikz.<service>.<aggregate>.<fact>.v<n>`; `key` names the field that holds the
    aggregate's id, which ends the subject. Readers ignore fields they do not know, so contracts grow by addition.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    type: ClassVar[str]
    key: ClassVar[str]

    @property
    def aggregate_id(self) -> str:
        """The id at the end of the subject."""
        return str(getattr(self, self.key))

    @property
    def subject(self) -> str:
        """The NATS subject: type and aggregate id."""
        return f"{self.type}.{self.aggregate_id}"

    @property
    def aggregate(self) -> str:
        """`<aggregate>/<id>`: the CloudEvents subject, and the key within which `aggregateversion` counts."""
        return f"{self.type.split('.')[2]}/{self.aggregate_id}"


def schema_of(contract: type[Contract]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a contract's data."""
    return contract.model_json_schema(mode="serialization")
