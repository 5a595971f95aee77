"""Routes of the feature `accounts`, each with its handler."""

from aiohttp import web

from services.console.accounts import own_account, password_links, preferences, sign_in, workspace_choice
from services.console.web.routing import post, workspace_get

ROUTES = [
    web.get("/", workspace_choice.to_console),
    web.get("/console", workspace_choice.to_console),
    web.get("/console/", workspace_choice.first_page),
    web.get("/console/workspaces", workspace_choice.index),
    web.get("/console/sign-in", sign_in.show),
    post("/console/sign-in", sign_in.submit, action="sign_in.submit"),
    post("/console/sign-out", sign_in.sign_out, action="sign_in.sign_out"),
    web.get("/console/forgotten", password_links.ask_reset),
    post("/console/forgotten", password_links.request_reset, action="account.reset_asked"),
    web.get("/console/welcome/{token}", password_links.show),
    post("/console/welcome/{token}", password_links.submit, action="account.password_changed"),
    web.get("/console/me/account", own_account.show),
    post("/console/me/name", own_account.rename, action="account.rename"),
    post("/console/me/password", own_account.change_password, action="account.change_password"),
    post("/console/me/second-factor", own_account.begin_second_factor, action="account.begin_second_factor"),
    post(
        "/console/me/second-factor/confirm", own_account.confirm_second_factor, action="account.confirm_second_factor"
    ),
    post(
        "/console/me/second-factor/disable", own_account.disable_second_factor, action="account.disable_second_factor"
    ),
    post(
        "/console/me/second-factor/recovery-codes",
        own_account.renew_recovery_codes,
        action="account.renew_recovery_codes",
    ),
    post("/console/me/sessions/{id}/end", own_account.end_session, action="account.end_session"),
    post("/console/me/sessions/end-others", own_account.end_other_sessions, action="account.end_other_sessions"),
    post("/console/me/preferences", preferences.change, action="account.preferences_changed"),
    workspace_get("more", workspace_choice.more),
]
