"""A file as facts and read models name it; its bytes are elsewhere."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.kernel.texts import ONE_LINE

LONGEST_NAME = 120


class StoredFile(BaseModel):
    """A file in the file store, where its bytes are found by their SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME, pattern=ONE_LINE)]
    media_type: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    size: Annotated[int, Field(gt=0)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
