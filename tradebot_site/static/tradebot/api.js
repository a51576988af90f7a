"use strict";

// The page to try the API. With a token by "Authorize", or as whoever is logged in to the admin.
const place = document.getElementById("api");

const cookie = (name) =>
  document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);

window.ui = SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  displayRequestDuration: true,
  persistAuthorization: false, // a token is not for a browser to keep
  validatorUrl: null, // nothing is told to another server
  requestInterceptor: (request) => {
    const token = cookie("csrftoken");
    const isOurs = new URL(request.url, location.href).origin === location.origin;
    if (token && isOurs && !["GET", "HEAD", undefined].includes(request.method)) {
      request.headers["X-CSRFToken"] = token;
    }
    return request;
  },
});
