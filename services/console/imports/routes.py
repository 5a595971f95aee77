"""Routes of the feature `imports`, each with its handler."""

from services.console.imports import import_page, list_page, mend_page
from services.console.web.routing import workspace_get, workspace_post
from shared.service_app.audit import audited_as

ROUTES = [
    workspace_get("import", list_page.show),
    workspace_post("import", list_page.create, action="import.uploaded"),
    workspace_get("import/{id}", import_page.show),
    workspace_get("import/{id}/live", import_page.live),
    workspace_get("import/{id}/rows.csv", audited_as("import.rows_csv", import_page.download)),
    workspace_get("import/{id}/rows/{row}", mend_page.show),
    workspace_post("import/{id}/rows/{row}", mend_page.save, action="lead.created"),
    workspace_post("import/{id}/columns", import_page.confirm_columns, action="import.tried"),
    workspace_post("import/{id}/run", import_page.run, action="import.created"),
    workspace_post("import/{id}/cancel", import_page.cancel, action="import.cancelled"),
    workspace_post("import/{id}/undo", import_page.undo, action="import.undone"),
]
