// All addresses are relative to the page or this file, so that they work under any base path and behind any proxy.
SwaggerUIBundle({
  url: new URL("../openapi.json", document.currentScript.src).href,
  dom_id: "#routes",
  deepLinking: true,
  validatorUrl: null, // nothing is sent to anyone else
});
