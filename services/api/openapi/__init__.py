"""The OpenAPI document, made of the handlers' descriptions, and the page that shows it."""
