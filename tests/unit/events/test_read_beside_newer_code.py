"""What newer code keeps in a read model is read by the code that still runs beside it."""

from services.events.life_kept import kept_life, read_life
from tests.unit.events.samples import announced, fold


def test_a_session_that_newer_code_has_kept_is_the_same_session() -> None:
    life = fold(announced()).life
    assert life is not None
    stored = kept_life(life)
    stored["later"] = 1
    stored["content"]["later"] = {"said": True}
    stored["when"]["later"] = 1
    assert read_life(stored) == life
