"""The providers whose leads are fetched, by the integration's type, and where their APIs are. Pure."""

from shared.integrations.lead_fetching import LeadFetcher
from shared.integrations.providers import hubspot_fetching, linkedin_fetching, meta_lead_ads_fetching

LEAD_FETCHERS: dict[str, LeadFetcher] = {
    "meta_lead_ads": meta_lead_ads_fetching.FETCHER,
    "linkedin": linkedin_fetching.FETCHER,
    "hubspot": hubspot_fetching.FETCHER,
}
# The settings that name the API's address and, where it has versions, its version.
URL_SETTINGS = {"meta_lead_ads": "meta_url", "linkedin": "linkedin_url", "hubspot": "hubspot_url"}
VERSION_SETTINGS = {"meta_lead_ads": "meta_version", "linkedin": "linkedin_version"}
