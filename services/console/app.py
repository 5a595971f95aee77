"""The console's features and lifetime, to be mounted on an application."""

from aiohttp import web

from services.console.accounts import routes as accounts
from services.console.automations import routes as automations
from services.console.conversions import routes as conversions
from services.console.dead_letters import routes as dead_letters
from services.console.duplicates import routes as duplicates
from services.console.duplicates.query import count_shown_pairs
from services.console.forms import routes as forms
from services.console.imports import routes as imports
from services.console.jobs import routes as jobs
from services.console.jobs.news import JobNews
from services.console.leads import routes as leads
from services.console.now import routes as now
from services.console.people import routes as people
from services.console.pipeline import routes as pipeline
from services.console.pipeline_setup import routes as pipeline_setup
from services.console.quarantine import routes as quarantine
from services.console.quarantine.reads import count_held
from services.console.quarantine.spam_words import stored_sentence
from services.console.queues import routes as queues
from services.console.scoring import routes as scoring
from services.console.search import routes as search
from services.console.settings import routes as settings_pages
from services.console.sources import routes as sources
from services.console.submissions import routes as submissions
from services.console.suppressions import routes as suppressions
from services.console.tags import routes as tags
from services.console.web.context import console_lifetime
from services.console.web.fallback import FALLBACK_ROUTES
from services.console.web.live_updates import LIVE_UPDATES, LiveUpdates
from services.console.web.static_files import STATIC_ROUTES
from services.console.web.worker_errors import worker_error
from services.console.webhooks import routes as webhooks
from services.console.workspace import routes as workspace
from shared.platform.settings import Settings
from shared.service_app.app import mount_routes
from shared.service_app.audit import AUDITED_PREFIXES

# The first route that fits is taken: `leads/bulk` of the jobs stands before `leads/{id}`.
FEATURES = (
    *(accounts, now, search, submissions, quarantine, dead_letters, queues, jobs),
    *(leads, pipeline, duplicates, imports, people, forms, automations, sources, webhooks, conversions),
    *(workspace, pipeline_setup, tags, scoring, suppressions, settings_pages),
)
CONSOLE_ROUTES = [route for feature in FEATURES for route in feature.ROUTES]
TEXT_FILTERS = {"stored_sentence": stored_sentence, "worker_error": worker_error}
NAVIGATION_COUNTS = {"held": count_held, "duplicates": count_shown_pairs}


def mount_console(app: web.Application, settings: Settings) -> None:
    """Add the console to an application made by `shared.service_app.app.make_app`."""
    mount_routes(app, [*STATIC_ROUTES, *CONSOLE_ROUTES, *FALLBACK_ROUTES])
    app[AUDITED_PREFIXES].append("/console/")
    updates = app[LIVE_UPDATES] = LiveUpdates(JobNews)
    app.on_shutdown.append(updates.end_streams)
    app.cleanup_ctx.append(console_lifetime(settings, NAVIGATION_COUNTS, TEXT_FILTERS))
