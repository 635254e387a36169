"""What is told of the catalogue, each with whom to ask."""

from collections.abc import Mapping
from typing import Any

from services.notify.cooperation_matter import CooperationMatter
from services.notify.matter import Matter
from services.notify.matters import asking
from services.notify.project_matter import ProjectMatter
from services.notify.reached import People
from services.notify.texts import Text
from services.notify.undertaking_matter import UndertakingMatter
from services.notify.wishes import Wishes
from shared.contracts.rpc import (
    CooperationLetterAnswered,
    CooperationLetterAsked,
    PeopleAnswered,
    PeopleAsked,
    ProjectLetterAnswered,
    ProjectLetterAsked,
    StepAnswered,
    StepAsked,
)
from shared.kernel.bus import Bus


def people_at(bus: Bus) -> People:
    """Who is reached where."""
    return People(asking(bus, PeopleAsked.subject, PeopleAnswered))


def of_catalogue(bus: Bus, texts: Mapping[str, Text], portal: str, people: People, wishes: Wishes) -> list[Matter[Any]]:
    """To who hands in projects, to contacts, and to members of organisations."""
    project = asking(bus, ProjectLetterAsked.subject, ProjectLetterAnswered)
    requests = asking(bus, CooperationLetterAsked.subject, CooperationLetterAnswered)
    step = asking(bus, StepAsked.subject, StepAnswered)
    return [
        ProjectMatter(texts, portal, project, people),
        CooperationMatter(texts, portal, requests, people, wishes),
        UndertakingMatter(texts, portal, step, people, wishes),
    ]
