"""The notification service as a process: `python -m services.notify`, or `ikz run notify`."""

from functools import partial
from typing import Any

from services.notify import (
    about_person,
    bounces_http,
    effects,
    live_http,
    mail_text_http,
    mailings_http,
    messages_http,
    problems,
    programs,
    reminder,
    things,
    told_before,
    undertaking_matter,
    webhook_http,
)
from services.notify.announcements import Announcements
from services.notify.bounce_parts import bounce_parts
from services.notify.catalog_matters import of_catalogue, people_at
from services.notify.cause import ReminderDue
from services.notify.expansion import Expansion
from services.notify.followers import Followers
from services.notify.holders import Holders
from services.notify.layout import Layout
from services.notify.live_texts import LiveTexts
from services.notify.mail import Composer
from services.notify.mail_text_http import MailTexts
from services.notify.matter import Matter
from services.notify.matters import all_matters
from services.notify.records import DECIDERS, PROJECTIONS
from services.notify.reminder import Reminders
from services.notify.reports import Reports
from services.notify.sender import Sender
from services.notify.settings import NotifySettings
from services.notify.sign_in import SignIn, SignInMatter
from services.notify.subscriptions import Subscriptions
from services.notify.texts import load_texts
from services.notify.trial_mail import TrialMatter, Trials
from services.notify.wishes import Wishes
from services.notify.writing import Desk
from shared.contracts.rpc import AboutPersonAsked, SignInAsked
from shared.kernel.about_person import AboutPerson
from shared.kernel.inbox import Consumer
from shared.kernel.journal import Journal
from shared.kernel.relay import Relay
from shared.kernel.rpc import RpcEndpoint, serve_rpc
from shared.kernel.service import Parts, Runtime, main
from shared.kernel.wakeup import Wakeup


async def build(runtime: Runtime[NotifySettings]) -> Parts:
    """News over HTTP; contracts taken in become mailings, mailings messages, messages mails, and mails reports.

    What is public of them is told to webhooks and in the live stream.
    """
    problems.register()
    await told_before.learn(runtime.pool, await runtime.bus.connection())
    settings, pool, clock = runtime.settings, runtime.pool, runtime.clock
    portal = settings.public_url.rstrip("/")
    journal = Journal(settings.database_url, pool, DECIDERS, PROJECTIONS, wakeup=runtime.wakeup)
    relay = Relay(
        service=settings.service,
        dsn=settings.database_url,
        nats_url=settings.nats_url,
        journal=journal,
        wakeup=runtime.wakeup,
        public_url=settings.public_url,
        health=runtime.health,
    )
    mailings, messages, ends = Wakeup(), Wakeup(), Wakeup()
    texts, layout = LiveTexts(pool, load_texts()), Layout(portal, settings.portal_name)
    await texts.refresh()
    people = people_at(runtime.bus)
    trials = Trials(pool, people, TrialMatter(texts, portal, people), mailings.announce)
    sign_in = SignIn(
        pool, runtime.vault, clock, SignInMatter(pool, runtime.vault, texts, portal, people), mailings.announce
    )
    subscriptions = Subscriptions.of(runtime, journal, texts, mailings.announce)
    wishes = Wishes(pool, clock, subscriptions.unsubscribing.of_kind)
    catalogue = of_catalogue(runtime.bus, texts, portal, people, wishes)
    returns = bounce_parts(runtime, journal, ends)
    announcements = Announcements.of(runtime, texts, returns.rules.suppressed, mailings.announce)
    followers = Followers.of(runtime, journal, texts, subscriptions.owners, mailings.announce)
    more: list[Matter[Any]] = [
        *catalogue,
        trials.matter,
        sign_in.matter,
        subscriptions.matter,
        announcements.matter,
        followers.matter,
        followers.digests,
    ]
    matters = all_matters(runtime.bus, texts, portal, wishes, more)
    holders = Holders(settings.database_url, clock, messages.announce)
    expansion = Expansion(
        pool,
        matters,
        clock,
        settings.mail_max_age,
        mailings,
        messages.announce,
        holders.number,
    )
    sender = Sender(
        pool=pool,
        desk=Desk(Composer(settings.mail_from, layout), matters, pool, runtime.vault, texts),
        host=settings.smtp_host,
        clock=clock,
        health=runtime.health,
        wakeup=messages,
        connections=settings.smtp_connections,
        max_age=settings.mail_max_age,
        finished=ends.announce,
        holder=holders.number,
        rules=returns.rules,
        rates=settings.rates,
    )
    about = AboutPerson(runtime.vault, about_person.sources(pool, runtime.vault, texts, returns.handlers.marks))
    questions: list[RpcEndpoint[Any]] = [
        RpcEndpoint(SignInAsked.subject, SignInAsked, sign_in.ask),
        RpcEndpoint(AboutPersonAsked.subject(settings.service), AboutPersonAsked, about.page),
    ]
    reports = Reports(pool, journal, ends.waiter(), sender.busy)
    told = programs.build(runtime, journal, mailings, messages)
    reminders = Reminders(pool, clock, matters.named("sessions", ReminderDue.type), mailings.announce)
    consumers = [
        Consumer(
            name=settings.service,
            source=source,
            effects=[*taken, *effects.of_programs(source, clock, settings.live_retention)],
            dsn=settings.database_url,
            pool=pool,
            nats_url=settings.nats_url,
            health=runtime.health,
            wakeup=mailings,
            max_age=settings.mail_max_age,
        )
        for source, taken in (
            ("events", [*things.of_events(), *effects.of_causes("events", matters, clock), *reminder.effects(clock)]),
            (
                "catalog",
                [
                    *things.of_catalog(),
                    *effects.of_causes("catalog", matters, clock),
                    undertaking_matter.taking_back(clock),
                ],
            ),
            ("gateway", [*effects.of_gateway(runtime.vault), *effects.of_causes("gateway", matters, clock)]),
            ("notify", []),
        )
    ]
    return Parts(
        endpoints=[
            *announcements.endpoints(journal),
            *mailings_http.endpoints(pool),
            *messages_http.endpoints(journal, pool, returns.handlers.marks),
            *bounces_http.endpoints(returns.handlers),
            *webhook_http.endpoints(told.webhooks),
            *live_http.endpoints(told.live),
            *mail_text_http.endpoints(MailTexts(journal, pool, texts, layout, portal, trials)),
            *subscriptions.endpoints(),
        ],
        journal=journal,
        tasks=[
            relay.run,
            partial(texts.keep, runtime.wakeup.waiter()),
            *(consumer.run for consumer in consumers),
            expansion.run,
            sender.run,
            reports.run,
            reminders.run,
            holders.run,
            sign_in.forget,
            partial(serve_rpc, runtime.bus, settings.service, questions),
            *subscriptions.tasks(),
            *followers.tasks(),
            *returns.tasks,
            *told.tasks,
            *announcements.tasks(journal),
        ],
        closing=told.closing,
        metrics=returns.metrics,
    )


if __name__ == "__main__":
    raise SystemExit(main(NotifySettings, build))
