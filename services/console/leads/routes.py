"""Routes of the feature `leads`, each with its handler."""

from services.console.leads import (
    activity_log,
    changes,
    creation,
    export,
    lead_page,
    list_page,
    peek_page,
    row_changes,
    tasks,
    views,
)
from services.console.web.routing import post, workspace_get, workspace_post
from shared.service_app.audit import audited_as

ROUTES = [
    post("/console/me/leads/{workspace}/columns", views.set_columns, action="account.preferences_changed"),
    post("/console/me/leads/{workspace}/views", views.create_own, action="view.created"),
    post("/console/me/leads/{workspace}/views/{id}", views.change_own, action="view.change"),
    post("/console/me/leads/{workspace}/views/{id}/default", views.set_default, action="account.preferences_changed"),
    workspace_get("leads", list_page.show),
    workspace_get("leads/live", list_page.live),
    workspace_post("leads/views", views.create_team, action="view.created"),
    workspace_post("leads/views/{id}", views.change_team, action="view.change"),
    workspace_get("leads/export", audited_as("lead.exported", export.download)),
    workspace_get("leads/new", creation.show),
    workspace_post("leads/new", creation.submit, action="lead.created"),
    workspace_get("leads/{id}", lead_page.show),
    workspace_get("leads/{id}/peek", peek_page.show),
    workspace_get("leads/{id}/timeline", lead_page.timeline),
    workspace_get("leads/{id}/live", lead_page.live),
    workspace_post("leads/{id}/facts", changes.save_edits, action="lead.changed"),
    workspace_post("leads/{id}/change", changes.change, action="lead.changed"),
    workspace_post("leads/{id}/row", row_changes.change_row, action="lead.changed"),
    workspace_post("leads/{id}/not-same", changes.not_same, action="duplicate.dismissed"),
    workspace_post("leads/{id}/delete", changes.delete, action="lead.deleted"),
    workspace_post("leads/{id}/activities", activity_log.log, action="activity.logged"),
    workspace_post("leads/{id}/activities/{entry}/take-back", activity_log.take_back, action="activity.taken_back"),
    workspace_post("leads/{id}/tasks", tasks.create, action="task.created"),
    workspace_post("leads/{id}/tasks/{task}", tasks.change, action="task.changed"),
]
