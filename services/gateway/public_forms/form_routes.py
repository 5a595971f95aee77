"""The addresses of public forms. They are pages for visitors, and no part of the API's document."""

from aiohttp import web

from services.gateway.public_forms import double_opt_in_handlers, page_handlers
from services.gateway.public_forms.submission_handlers import FORM_ROUTE, answer_preflight, receive_form_post
from shared.outbound.double_opt_in_links import CONFIRMATION_PATH

CONFIRMATION_ROUTE = f"{CONFIRMATION_PATH}{{token}}"
PUBLIC_FORM_ROUTES = [
    web.get("/f/form.css", page_handlers.send_plain_stylesheet),
    web.get(FORM_ROUTE, page_handlers.show_page),
    web.post(FORM_ROUTE, receive_form_post),
    web.options(FORM_ROUTE, answer_preflight),
    web.get(f"{FORM_ROUTE}/fragment", page_handlers.send_fragment),
    web.get(f"{FORM_ROUTE}/form.css", page_handlers.send_stylesheet),
    web.get(f"{FORM_ROUTE}/embed.js", page_handlers.send_script),
    web.get(f"{FORM_ROUTE}/token", page_handlers.issue_token),
    web.options(f"{FORM_ROUTE}/{{part:fragment|token}}", answer_preflight),
    web.get(CONFIRMATION_ROUTE, double_opt_in_handlers.ask_confirmation),
    web.post(CONFIRMATION_ROUTE, double_opt_in_handlers.confirm),
    web.route("*", "/f/{tail:.*}", page_handlers.refuse_address),  # last: what none of the others takes
]
