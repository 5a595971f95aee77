"""What is sent to the API and what it shows, a module a noun: the checks and the OpenAPI document are made of these."""
