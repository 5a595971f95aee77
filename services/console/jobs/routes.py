"""Routes of the feature `jobs`, each with its handler."""

from services.console.jobs import confirmation_page, followed_job, job_page, lead_edit_page, list_page, steering
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("leads/bulk", lead_edit_page.show),
    workspace_post("leads/bulk", lead_edit_page.submit, action="job.created"),
    workspace_post("leads/bulk/{id}/undo", lead_edit_page.undo, action="bulk.edit_leads"),
    workspace_get("jobs", list_page.show),
    workspace_get("jobs/live", list_page.live),
    workspace_get("jobs/confirm", confirmation_page.show),
    workspace_post("jobs/confirm", confirmation_page.submit, action="job.created"),
    workspace_get("jobs/{id}", job_page.show),
    workspace_get("jobs/{id}/live", job_page.live),
    workspace_get("jobs/{id}/end", followed_job.show_end),
    workspace_get("jobs/{id}/outcomes.csv", job_page.download),
    workspace_post("jobs/{id}/follow", steering.follow, action="job.followed"),
    workspace_post("jobs/{id}/rate", steering.set_rate, action="job.rate_changed"),
    workspace_post("jobs/{id}/pause", steering.pause, action="job.paused"),
    workspace_post("jobs/{id}/resume", steering.resume, action="job.resumed"),
    workspace_post("jobs/{id}/cancel", steering.cancel, action="job.cancelled"),
]
