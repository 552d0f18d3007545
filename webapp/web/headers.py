"""The headers that tell a browser what our pages never do, so that nobody can make them."""

from __future__ import annotations

from flask import Flask, Response, request
from secure import (
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    CrossOriginResourcePolicy,
    ReferrerPolicy,
    Secure,
    XContentTypeOptions,
    XFrameOptions,
)

POLICY = (
    ContentSecurityPolicy()
    .default_src("'self'")
    .img_src("'self'", "data:")
    .frame_ancestors("'none'")
    .base_uri("'none'")
    .form_action("'self'")
    .object_src("'none'")
)
HEADERS = Secure(
    csp=POLICY,
    coop=CrossOriginOpenerPolicy().same_origin(),
    corp=CrossOriginResourcePolicy().same_origin(),
    referrer=ReferrerPolicy().same_origin(),
    xcto=XContentTypeOptions().nosniff(),
    xfo=XFrameOptions().deny(),
).header_items()
UNCACHED = (*HEADERS, ("Cache-Control", "no-store"))


def init_app(app: Flask) -> None:
    """Send them with every answer; a view that has set one of them itself keeps it."""

    @app.after_request
    def _harden(response: Response) -> Response:
        # One look at what is there, not one per header: polls come once a second.
        present = {name.lower() for name, _ in response.headers}
        for name, value in HEADERS if request.endpoint == "static" else UNCACHED:
            if name.lower() not in present:
                response.headers.add(name, value)
        return response
