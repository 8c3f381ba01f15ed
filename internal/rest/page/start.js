// All addresses are relative to the page, so that it works under any base path and behind any proxy.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#routes",
  deepLinking: true,
  validatorUrl: null, // nothing is sent to anyone else
});
