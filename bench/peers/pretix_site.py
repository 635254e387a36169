"""What has to be in pretix's database before somebody can order: an organiser with an event whose tickets are free.

Run by pretix's own Python with its settings in the environment; prints the address of orders, the item and a token.
"""

import datetime as dt
import json
import os
import sys
from decimal import Decimal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pretix.settings")
django.setup()

from django.utils.timezone import now  # noqa: E402
from django_scopes import scopes_disabled  # noqa: E402
from pretix.base.models import Event, Organizer, Team, TeamAPIToken  # noqa: E402

SEATS = 100_000


def main() -> None:
    """Makes everything once."""
    with scopes_disabled():
        organiser = Organizer.objects.create(slug="beside", name="Beside")
        team = Team.objects.create(
            organizer=organiser,
            name="orders",
            all_events=True,
            all_event_permissions=True,
            all_organizer_permissions=True,
        )
        token = TeamAPIToken.objects.create(team=team, name="orders")
        event = Event.objects.create(
            organizer=organiser,
            slug="session",
            name="Session",
            currency="EUR",
            date_from=now() + dt.timedelta(days=90),
            live=True,
            plugins="",
        )
        event.set_defaults()
        item = event.items.create(name="Seat", default_price=Decimal(0), active=True, admission=True)
        quota = event.quotas.create(name="Seats", size=SEATS)
        quota.items.add(item)
        path = f"/api/v1/organizers/{organiser.slug}/events/{event.slug}/orders/"
        sys.stdout.write(json.dumps({"path": path, "item": item.pk, "token": token.token}))


main()
