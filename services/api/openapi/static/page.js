// Shows the OpenAPI document with Swagger UI. Addresses are relative, so that the page works behind any path prefix.
const url = new URL("v1/openapi.json", document.baseURI).href;

SwaggerUIBundle({
  url,
  dom_id: "#documentation",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false, // a key is forgotten with the page
  validatorUrl: null, // the document is not sent to a foreign validator
});
