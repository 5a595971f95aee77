"""The platform: what any web service needs. It knows no lead, no workspace and no key."""
