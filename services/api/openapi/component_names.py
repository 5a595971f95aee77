"""The names of the document's schemas: `Lead` for what is shown, `LeadFields` for what is sent."""

from collections.abc import Iterable
from typing import Any

REFERENCE_PREFIX = "#/components/schemas/"

# Classes whose name says too little outside the code, or whose short name is taken by a response.
SCHEMA_NAMES = {
    "All": "AllConditions",
    "Any_": "AnyCondition",
    "Not": "NotCondition",
    "Change": "FieldChange",
    "Delay": "DelayDuration",
    "Manual": "ManualTrigger",
    "BatchLine": "BatchResult",
    "DryRun": "DryRunResult",
    "InboundAnswer": "InboundResult",
    "AttemptRecord": "DeliveryAttempt",
    "FormField": "NewFormField",
    "FormSent": "FormFields",
    "FormSettings": "FormSettingsFields",
    "FormTheme": "FormThemeFields",
    "SpamSettings": "SpamSettingsFields",
    "ConversionSettings": "ConversionSettingsFields",
    "IntegrationSettings": "IntegrationSettingsFields",
    "NewApiKeyRecord": "ApiKeyWithSecret",
    "NewWebhookRecord": "WebhookWithSecret",
    "ReplayRecord": "ReplayResult",
    "ResentRecord": "ResendResult",
    "RunFields": "AutomationRunFields",
    "RunRecord": "AutomationRun",
}


def component_names(long_names: Iterable[str]) -> dict[str, str]:
    """Return the document's name for each name that pydantic gave.

    A type that pydantic describes both for requests and for responses has one name, and the description for requests.
    Raises ValueError if two types would have the same name.
    """
    names: dict[str, str] = {}
    owners: dict[str, str] = {}
    for name in long_names:
        own = name.removesuffix("-Input").removesuffix("-Output")
        names[name] = SCHEMA_NAMES.get(own, own.removesuffix("Record"))
        if owners.setdefault(names[name], own) != own:
            raise ValueError(f"Two schemas are named {names[name]}: {own} and {owners[names[name]]}.")
    return names


def rename_references(value: Any, names: dict[str, str]) -> Any:
    """Return a part of the document with its references renamed."""
    if isinstance(value, dict):
        return {name: rename_references(part, names) for name, part in value.items()}
    if isinstance(value, list):
        return [rename_references(part, names) for part in value]
    if isinstance(value, str) and value.startswith(REFERENCE_PREFIX):
        return REFERENCE_PREFIX + names[value.removeprefix(REFERENCE_PREFIX)]
    return value
