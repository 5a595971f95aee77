"""Routes of the feature `workspace`, each with its handler."""

from services.console.web.routing import workspace_get, workspace_post
from services.console.workspace import alarm_trial, mail_page, mail_trial, workspace_page

ROUTES = [
    workspace_get("settings/workspace", workspace_page.show),
    workspace_post("settings/workspace", workspace_page.save, action="workspace.changed"),
    workspace_post("settings/workspace/alarm", alarm_trial.send, action="workspace.alarm_tried"),
    workspace_get("settings/workspace/mail", mail_page.show),
    workspace_post("settings/workspace/mail/save", mail_page.save, action="workspace.mail_changed"),
    workspace_post("settings/workspace/mail", mail_trial.send, action="workspace.mail_tried"),
]
