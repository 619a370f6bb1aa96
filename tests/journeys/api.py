"""A program that uses the JSON API."""

import http.client
import json
import urllib.parse
from typing import Any

from safekeep.ids import new_id
from tests.journeys import signing_in
from tests.make import AN_INCIDENT


class Api:
    """A signed-in program, as one of the demonstration's people."""

    def __init__(self, system: dict[str, Any], role: str, school: str = "Hillside Primary") -> None:
        self.url = urllib.parse.urlsplit(system["url"])
        self.login = next(x for x in system["logins"] if x["role"] == role and x["school"] in (school, None))
        self.token = ""
        self.token = signing_in.bearer(system, self.login, sign_in=self._sign_in)

    def _sign_in(self, code: str | None) -> str:
        sent = {"username": self.login["username"], "password": self.login["password"]} | ({"code": code} if code else {})
        status, answer = self.call("POST", "/sign-in", sent)
        assert status == 200, answer
        token: str = answer["token"]
        return token

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return self.send(method, path, json.dumps(body).encode() if body is not None else None, sent)

    def get(self, path: str) -> Any:
        status, answer = self.call("GET", path)
        assert status == 200, (status, answer)
        return answer

    def upload(self, name: str, data: bytes) -> Any:
        boundary = "x" * 20
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Authorization": f"Bearer {self.token}"}
        status, answer = self.send("POST", "/files", head.encode() + data + f"\r\n--{boundary}--\r\n".encode(), headers)
        assert status == 201
        return answer

    def incident(self, **changed: Any) -> dict[str, Any]:
        """Return an incident to record about the first Sarah."""
        pupil = self.get("/pupils?q=sarah")["items"][0]
        return AN_INCIDENT | {"id": str(new_id()), "pupil_id": pupil["id"], "body_map_id": None} | changed

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=30)
        connection.request(method, f"/api/v1{path}", body, headers)
        response = connection.getresponse()
        data = response.read()
        self.answered = response
        connection.close()
        return response.status, json.loads(data) if data else None
