import json
from contextlib import contextmanager
from unittest.mock import patch

import requests


class FakeSidecar:
    """Answers as the sidecar does, and keeps what it was asked."""

    def __init__(self, env):
        env["ir.config_parameter"].set_param("sdmk.sidecar.url", "http://sidecar.invalid")
        env["ir.config_parameter"].set_param("sdmk.sidecar.key", "sdmk_key")
        self.asked = []
        self.answers = []

    def answer(self, body, status=200):
        """Answer the next call so; an exception is raised instead."""
        self.answers.append((status, body))

    def refuse(self, code, status=409, **more):
        self.answer({"code": code, "title": code, "detail": "why", "requestId": "r-1", **more}, status)

    @contextmanager
    def at_work(self):
        with patch.object(requests, "request", self._request):
            yield self

    @property
    def last(self):
        return self.asked[-1]

    def _request(self, method, url, **given):
        self.asked.append({"method": method, "path": url.removeprefix("http://sidecar.invalid"), **given})
        status, body = self.answers.pop(0) if self.answers else (200, {})
        if isinstance(body, Exception):
            raise body
        response = requests.Response()
        response.status_code = status
        response._content = json.dumps(body).encode()
        return response
