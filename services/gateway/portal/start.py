"""The start page."""

from aiohttp import web

from services.gateway.portal.portal import Portal, together
from services.gateway.portal.reading import KeyFigure, News, ProjectCard, SessionShort, Topic
from services.gateway.portal.rendering import Link

TOPICS = 5


async def start(portal: Portal, request: web.Request) -> web.StreamResponse:
    """What IKZ is, figures, next sessions, latest projects and news, search."""
    figures, topics, sessions, projects, news = await together(
        portal.listed("catalog", "/api/v1/key-figures", KeyFigure, {"limit": 4}),
        portal.listed("catalog", "/api/v1/topics", Topic),
        portal.listed("events", "/api/v1/sessions", SessionShort, {"period": "upcoming", "limit": 3}),
        portal.listed("catalog", "/api/v1/projects", ProjectCard, {"sort": "date", "limit": 3}),
        portal.listed("notify", "/api/v1/announcements", News, {"limit": 3}),
    )
    busy = sorted(topics.items, key=lambda topic: -topic.projects)[:TOPICS] if topics else ()
    return portal.pages.respond(
        request,
        "start.html",
        keep=True,
        heading="Startseite",
        section="/",
        canonical="/",
        figures=figures and figures.items,
        topics=[Link(f"/projekte?topic={topic.code}", topic.label) for topic in busy if topic.projects],
        sessions=sessions and sessions.items,
        projects=projects and projects.items,
        news=news and news.items,
    )
