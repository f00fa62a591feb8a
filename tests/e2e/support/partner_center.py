"""A client written against Partner Center's documents: three calls, and the resources that they return.

It reads strictly: a member that is missing, unknown or of another type is an error.
"""

import json
import re
import uuid
from dataclasses import dataclass, fields
from datetime import date, datetime

from support.http1 import Response, call

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class AdoptionStatus:
    """A summary of requests with an application and a user, by the day and the application."""

    loginDate: date
    mfaCompliantRequestCount: int
    totalRequestCount: int
    applicationId: str
    applicationName: str


@dataclass(frozen=True)
class PartnerRequest:
    requestId: str
    correlationId: str
    operationName: str
    requestDateTime: datetime
    sourceIpAddress: str
    objectId: str
    tenantId: str
    upn: str
    applicationId: str
    mfaCompliant: bool


@dataclass(frozen=True)
class NonMfaCompliantPrincipal:
    objectId: str
    tenantId: str
    upn: str
    lastNonMfaCompliantRequestDateTime: datetime


def value(text, of: type):
    """A member's value. Partner Center's times have no zone, and its days no time."""
    if of is datetime:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?", text), text
        return datetime.fromisoformat(text)
    if of is date:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", text), text
        return date.fromisoformat(text)
    assert type(text) is of, f"{text!r} is no {of.__name__}"
    return text


def resource(of: type, members: dict):
    assert set(members) == {field.name for field in fields(of)}, members
    return of(**{field.name: value(members[field.name], field.type) for field in fields(of)})


class PartnerCenter:
    def __init__(self, port: int, base: str, token: str | None):
        self.port, self.base, self.token = port, base, token

    def get(self, path: str, method: str = "GET", headers=()) -> Response:
        return call(self.port, f"{self.base}{path}", self.token, method=method, headers=headers)

    def adoption(self) -> list[AdoptionStatus]:
        return [resource(AdoptionStatus, item) for item in self._answer("/v1/applicationmfaadoptionstatus")]

    def requests(self) -> list[PartnerRequest]:
        return self._collection("/v1/partnerRequests", PartnerRequest)

    def principals(self) -> list[NonMfaCompliantPrincipal]:
        return self._collection("/v1/nonMfaCompliantPartnerPrincipals", NonMfaCompliantPrincipal)

    def _collection(self, path: str, of: type) -> list:
        answer = self._answer(path)
        assert set(answer) == {"totalCount", "items", "attributes"}, set(answer)
        assert answer["attributes"] == {"objectType": "Collection"} and answer["totalCount"] == len(answer["items"])
        return [resource(of, item) for item in answer["items"]]

    def _answer(self, path: str):
        correlation = str(uuid.uuid4())
        response = self.get(path, headers=[("MS-CorrelationId", correlation), ("Accept", "application/json")])
        assert response.status == 200, response
        assert response.fields.one("Content-Type") == "application/json"
        assert response.fields.one("MS-CorrelationId") == correlation
        assert GUID.fullmatch(response.fields.one("MS-RequestId"))
        return json.loads(response.body)
