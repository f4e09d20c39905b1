import base64
import io
import json
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import patch

import requests

KEY = f"sdmk_{'k' * 43}"


class FakeSidecar:
    """Answers like the sidecar, and keeps the requests."""

    def __init__(self, env):
        env["sdmk.sidecar"]._connect("http://sidecar.invalid", KEY)
        self.asked = []
        self.answers = []

    def answer(self, body, status=200, headers=None):
        """Set the answer of the next call. An exception is raised instead."""
        self.answers.append((status, body, headers or {}))

    def refuse(self, code, status=409, **more):
        self.answer({"code": code, "title": code, "detail": "why", "requestId": "r-1", **more}, status)

    @contextmanager
    def at_work(self):
        with patch.object(requests, "request", self._request):
            yield self

    @property
    def last(self):
        return self.asked[-1]

    def _request(self, method, url, data=None, **given):
        path = url.removeprefix("http://sidecar.invalid")
        is_file = hasattr(data, "read")
        data = data.read() if is_file else data
        body = None if data is None or is_file else json.loads(data)
        claims = given["headers"]["Authorization"].split(".")[1]
        signed = json.loads(base64.urlsafe_b64decode(claims + "=="))
        self.asked.append({"method": method, "path": path, "json": body, "data": data, "signed": signed, **given})
        status, body, *more = self.answers.pop(0) if self.answers else (200, {})
        if isinstance(body, Exception):
            raise body
        response = requests.Response()
        response.status_code = status
        response.headers.update(*more)
        content = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        self.read = 0

        def read(size):
            piece = content.read(size)
            self.read += len(piece)
            return piece

        response.raw = SimpleNamespace(read=read, close=lambda: None)
        return response
