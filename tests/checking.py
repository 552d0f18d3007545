"""A client that holds what the API answers against what the API says of itself."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from webapp.api.bodies import DESCRIBED, ErrorAnswer


def _endpoint(client: FlaskClient, answer: Any) -> str:
    """The name of the view that answered, or nothing."""
    adapter = client.application.url_map.bind("127.0.0.1")
    try:
        return str(adapter.match(answer.request.path, method=answer.request.method)[0])
    except HTTPException:
        return ""


class CheckedClient(FlaskClient):
    """Holds every JSON answer against the model that describes it in the API's description."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request, and check what comes back before the test does."""
        answer = super().open(*args, **kwargs)
        view = self.application.view_functions.get(_endpoint(self, answer))
        described = getattr(view, "_spec", {}).get("responses", {})
        if answer.is_json and isinstance(described.get(answer.status_code), dict):
            schema = described[answer.status_code]["content"]["application/json"]["schema"]["$ref"]
            DESCRIBED[schema.rpartition("/")[2]].model_validate(answer.get_json())
        elif answer.is_json and answer.status_code >= 400:
            ErrorAnswer.model_validate(answer.get_json())
        return answer
