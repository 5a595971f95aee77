"""Routes of the feature `webhooks`, each with its handler."""

from services.console.web.routing import workspace_get, workspace_post
from services.console.webhooks import changes, editing, previews, resends, webhook_page

ROUTES = [
    workspace_get("webhooks", webhook_page.show_all),
    workspace_post("webhooks", editing.create, action="webhook.created"),
    workspace_get("webhooks/new", editing.new),
    workspace_post("webhooks/preview", previews.preview_new, action="webhook.previewed"),
    workspace_get("webhooks/{id}", webhook_page.show),
    workspace_get("webhooks/{id}/live", webhook_page.live),
    workspace_get("webhooks/{id}/edit", editing.edit),
    workspace_post("webhooks/{id}", editing.change, action="webhook.changed"),
    workspace_post("webhooks/{id}/preview", previews.preview_changed, action="webhook.previewed"),
    workspace_post("webhooks/{id}/switch", changes.switch, action="webhook.changed"),
    workspace_post("webhooks/{id}/secret", changes.rotate, action="webhook.rotate_secret"),
    workspace_post("webhooks/{id}/test", changes.send_test, action="webhook.send_test"),
    workspace_post("webhooks/{id}/cancel", changes.cancel, action="webhook.cancel_waiting"),
    workspace_post("webhooks/{id}/delete", changes.delete, action="webhook.deleted"),
    workspace_get("webhooks/{id}/again", resends.choose),
    workspace_post("webhooks/{id}/deliveries/{delivery}/resend", resends.resend, action="delivery.resent"),
]
