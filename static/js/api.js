// /api/docs: Swagger UI, dressed for our pages. Calls without a token carry the form token.
(() => {
  "use strict";
  const root = document.documentElement;
  const place = document.getElementById("api");
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function dress() {
    const theme = root.dataset.bsTheme ?? (dark.matches ? "dark" : "light");
    root.classList.toggle("dark-mode", theme === "dark");
  }

  function sign(request) {
    const url = new URL(request.url, location.href);
    if (url.origin === location.origin) request.headers["X-CSRFToken"] = place.dataset.csrf;
    return request;
  }

  dark.addEventListener("change", dress);
  new MutationObserver(dress).observe(root, { attributeFilter: ["data-bs-theme"] });
  dress();
  window.SwaggerUIBundle({
    url: place.dataset.description,
    domNode: place,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: -1,
    displayRequestDuration: true,
    persistAuthorization: false,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: sign,
  });
})();
