"""The OpenAPI document, made of what the handlers say of themselves, and a page that shows it."""
