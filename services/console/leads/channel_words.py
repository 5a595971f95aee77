"""By which way a submission came, in words."""

from markupsafe import Markup

from services.console.leads.timeline_entry import Names
from services.console.leads.timeline_reads import channel_key
from services.console.submissions.timeline import quoted
from services.console.web.page_view import PageView


def channel_words(view: PageView, channel: str, names: Names) -> Markup | str:
    """Return by which way a submission came."""
    kind = channel.partition(":")[0]
    name = names.get(key) if (key := channel_key(channel)) else None
    if kind == "form" and not name:
        return quoted(view.translate("through a form that was deleted since"))
    if kind == "form":
        return quoted(view.translate("through the form %(name)s"), name=name)
    if kind == "integration" and not name:
        return quoted(view.translate("through the webhook of a source that was deleted since"))
    if kind == "integration":
        return quoted(view.translate("through the webhook of %(name)s"), name=name)
    if kind == "import":
        return quoted(view.translate("by an import"))
    if kind == "inbound":
        return quoted(view.translate("through the API"))
    return quoted(view.translate("through %(name)s"), name=channel)
