import base64
import hashlib
import json
import re
import secrets
import time
import uuid
from urllib.parse import quote, urlencode

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from odoo import api, models
from odoo.exceptions import AccessError, MissingError, UserError, ValidationError
from odoo.http import request

CONNECT_SECONDS = 5
# A person waits for the answer in front of a screen.
READ_SECONDS = 5
# The sidecar answers an order after ten seconds at most, and continues longer work after the answer.
ANSWER_SECONDS = 30
# The sidecar reads a file for up to half a minute before it answers. Odoo ends its own requests after two minutes
# (limit_time_real).
FILE_ANSWER_SECONDS = 110
# Far above the largest normal answer: a page of changes has a few kilobytes.
ANSWER_MEGABYTES = 16
# The sidecar accepts no longer lifetime of a signature. It also accepts clocks that differ by so much.
SIGNED_SECONDS = 30

# https://www.w3.org/TR/trace-context/
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
KEY = re.compile(r"sdmk_([A-Za-z0-9_-]{43})")

# The highest role first. Each role includes the rights of the roles after it.
ROLES = {
    "administrator": "sdmk_core.group_sdmk_admin",
    "verifier": "sdmk_core.group_sdmk_verifier",
    "auditor": "sdmk_core.group_sdmk_auditor",
}
# A separate role, with rights that no other role has, and no other rights.
OFFICER = "data_protection_officer"
# The detail of these problems is in the reader's language. It names lines and columns of a file, but no value.
TOLD_IN_DETAIL = {"IMPORT_FILE_INVALID"}
# If one of these fields is invalid, the detail is also in the reader's language.
SCHEDULE_FIELDS = {"/body/schedule", "/query/expression"}
GROUPS = {**ROLES, OFFICER: "sdmk_core.group_sdmk_data_protection_officer"}


class SdmkSidecar(models.AbstractModel):
    """Client of the sidecar's REST interface, for the signed-in operator.

    The signature of a request covers the operator, their role, and the request's method, address and body. The signing
    key is never sent. The sidecar checks the role again.
    """

    _name = "sdmk.sidecar"
    _description = "Sidecar of SDMK"

    @api.model
    def _command(self, role, method, pattern, *segments, **given):
        """Return the sidecar's answer to an order that only people of this role may give; see :meth:`_call`.

        :param str role: ``verifier``, ``administrator`` or ``data_protection_officer``
        :raises AccessError: if the user does not have it
        """
        self._check_role(role)
        signed = OFFICER if role == OFFICER else self._role()
        return self._call(method, pattern, *segments, role=signed, **given)

    @api.model
    def _check_role(self, role):
        """Check that the user has this role or a higher one.

        :raises AccessError: if they do not
        """
        if not self.env.user.has_group(GROUPS[role]):
            raise AccessError(self.env._("Your role does not allow this."))

    @api.model
    def _call(
        self,
        method,
        pattern,
        *segments,
        role=None,
        query=None,
        body=None,
        file=None,
        headers=None,
        seconds=None,
        only_reads=None,
    ):
        """Return the sidecar's answer.

        :param str pattern: the path from ``/v1/`` on, with ``{}`` for each of the segments
        :param segments: see :meth:`_path`
        :param str role: the role to sign for; by default the user's highest
        :param dict query: parameters of the query
        :param dict body: sent as JSON
        :param file: a binary file, open for reading, that is sent in place of a body, from its beginning
        :param int seconds: time limit of the answer; the default depends on the kind: a screen, an order or a file
        :param bool only_reads: True if a request with another method than GET changes nothing
        :rtype: dict
        :raises AccessError: if the user has no role of SDMK
        :raises UserError: with the sidecar's message in the operator's language, and the id of the request
        """
        role = role or self._role()
        only_reads = method == "GET" if only_reads is None else only_reads
        url, key = self._connection()
        path = self._path(pattern, segments, query)
        data, content_type = file, "application/octet-stream"
        if file is None:
            data, content_type = None if body is None else json.dumps(body).encode(), "application/json"
        if seconds is None:
            seconds = FILE_ANSWER_SECONDS if file else READ_SECONDS if only_reads else ANSWER_SECONDS
        request_id = f"odoo-{uuid.uuid4()}"
        try:
            response = requests.request(
                method,
                url + path,
                data=data,
                headers={
                    "Authorization": self._sign(key, role, method, path, _sha256(data)),
                    "X-Request-ID": request_id,
                    "traceparent": self._traceparent(),
                    # A compressed answer could unpack to any size.
                    "Accept-Encoding": "identity",
                    "Accept-Language": (self.env.user.lang or "en_US").replace("_", "-"),
                    **({} if data is None else {"Content-Type": content_type}),
                    **(headers or {}),
                },
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                # The signature is valid only for this address.
                allow_redirects=False,
                stream=True,
            )
            with response:
                content = self._read_answer(response, seconds)
            if content is None:
                raise UserError(self._too_large(only_reads, request_id))
            answer = json.loads(content)
        except (requests.RequestException, ValueError) as error:
            raise UserError(self._silence(only_reads, request_id)) from error
        if response.status_code >= 400:
            raise UserError(self._problem(answer, request_id))
        if response.status_code >= 300:
            raise UserError(self._silence(only_reads, request_id))
        return answer

    @api.model
    def _read_answer(self, response, seconds):
        """Return the body of an answer, or None if it is too large.

        :raises requests.RequestException: if it is compressed, or does not end in time
        """
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise requests.exceptions.ContentDecodingError()
        # The timeout of `requests` applies to each chunk, not to the whole answer.
        ends = time.monotonic() + seconds
        content = bytearray()
        for piece in response.iter_content(1 << 16):
            content += piece
            if len(content) > ANSWER_MEGABYTES << 20:
                return None
            if time.monotonic() > ends:
                raise requests.Timeout()
        return bytes(content)

    @api.model
    def _role(self):
        """Return the highest role of the user.

        :raises AccessError: if they have none
        """
        for role, group in ROLES.items():
            if self.env.user.has_group(group):
                return role
        raise AccessError(self.env._("You have no role of SDMK."))

    @api.model
    def _checked(self, records):
        """Return the records after checking that all exist and the user may read them.

        The check is needed because an id from a browser may be any JSON.

        :raises MissingError: if one does not exist
        :raises AccessError: if the user may not read one
        """
        # `True` and `1.0` equal 1 in Python but are not ids. An id is an int4.
        are_ids = all(type(record_id) is int and 0 < record_id < 2**31 for record_id in records._ids)
        records.browse().check_access("read")
        if not are_ids or len(records.exists()) < len(set(records._ids)):
            raise MissingError(self.env._("There is no such record."))
        records.check_access("read")
        return records

    @api.model
    def _path(self, pattern, segments, query=None):
        """Return an address of the sidecar. No other method builds one, because a value from a browser may be any JSON.

        :param tuple segments: each an id, or a word such as the code of an integration
        :raises ValidationError: if one is neither
        """
        for segment in segments:
            is_id = type(segment) is int and segment > 0
            is_word = isinstance(segment, str) and re.fullmatch(r"\w[\w-]*", segment)
            if not is_id and not is_word:
                raise ValidationError(self.env._("There is no such record."))
        path = pattern.format(*(quote(str(segment), safe="") for segment in segments))
        return f"{path}?{urlencode(query)}" if query else path

    @api.model
    def _sign(self, key, role, method, path, digest):
        """Return the header with the signed statement of the operator, their role and the request.

        It is a JWT (RFC 7519). The sidecar has the public key.

        :param bytes digest: SHA-256 of the body
        """
        seed = KEY.fullmatch(key)[1]
        private = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(f"{seed}="))
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        now = int(time.time())
        claims = {
            "sub": self.env.user.login,
            "role": role,
            "iat": now,
            "exp": now + SIGNED_SECONDS,
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": path,
            "body": _base64url(digest),
        }
        parts = [
            _base64url(json.dumps(part).encode()) for part in ({"alg": "EdDSA", "kid": _base64url(public)}, claims)
        ]
        signed = ".".join(parts)
        return f"SDMK-Operator {signed}.{_base64url(private.sign(signed.encode()))}"

    @api.model
    def _traceparent(self):
        """Return the trace of the operator's own request, for example from a proxy, or a new one."""
        given = request.httprequest.headers.get("traceparent", "") if request else ""
        return given if TRACEPARENT.fullmatch(given) else f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"

    @api.model
    def _silence(self, only_reads, request_id):
        if only_reads:
            text = self.env._(
                "The sidecar does not answer. Try again. If it stays so, tell the technical team the number of the"
                " request."
            )
        else:
            # The sidecar may have received the order, although its answer is lost.
            text = self.env._(
                "The sidecar does not answer. Check whether your order was carried out before you give it again. If it"
                " stays so, tell the technical team the number of the request."
            )
        return f"{text}\n{self._request_line(request_id)}"

    @api.model
    def _request_line(self, request_id):
        return self.env._("Request: %(request)s", request=request_id)

    @api.model
    def _too_large(self, only_reads, request_id):
        text = self.env._("The answer of the sidecar is larger than %(most)s MB.", most=ANSWER_MEGABYTES)
        return f"{text} {self._silence(only_reads, request_id)}"

    @api.model
    def _problem(self, answer, request_id):
        """Return the fault and the action to take, in the operator's language, with the request's id."""
        answer = answer if isinstance(answer, dict) else {}
        known = self.env["sdmk.code"].sudo()._of(answer.get("code"))
        wrong = [item["field"] for item in answer.get("errors") or ()]
        if answer.get("detail") and wrong and set(wrong) <= SCHEDULE_FIELDS:
            # The detail is complete, and in the reader's language.
            return f"{answer['detail']}\n{self._request_line(answer.get('requestId') or request_id)}"
        lines = [known.name or answer.get("title") or self.env._("The sidecar rejects the request.")]
        # Other details are in English. They are shown only if the catalogue does not have the code.
        if answer.get("detail") and (not known or known.code in TOLD_IN_DETAIL):
            lines.append(answer["detail"])
        lines += [known.meaning, known.action]
        names = self._field_names()
        # Only fields that operators enter have a name that they know.
        wrong = {names[field]: None for field in map(_entered, wrong) if field in names}
        if wrong:
            lines.append(self.env._("Not right: %(fields)s", fields=", ".join(wrong)))
        lines.append(self._request_line(answer.get("requestId") or request_id))
        return "\n".join(line for line in lines if line)

    @api.model
    def _field_names(self):
        """Return the operators' labels for the fields of requests."""
        return {
            "schedule": self.env._("Schedule"),
            "professions": self.env._("Professions"),
            "rejectAlertRatio": self.env._("Alert Above"),
            "createUnmatched": self.env._("Unknown Person"),
            "changedSince": self.env._("From"),
            "changedUntil": self.env._("Until"),
            "asOf": self.env._(
                "Day of the File (needed where its rows have no time of change, and only there; not in the future)"
            ),
            "reason": self.env._("Reason (at least one word, and no long numbers)"),
            "name": self.env._("Name"),
            "nik": self.env._("NIK"),
            "str": self.env._("STR"),
            "caller": self.env._("Name or STR (more than titles and signs)"),
            "birthDate": self.env._("Birth Date"),
            "birthPlace": self.env._("Birth Place"),
            "sex": self.env._("Sex"),
            "titlePrefix": self.env._("Title"),
            "titleSuffix": self.env._("Degrees"),
            "/headers/authorization/sub": self.env._(
                "Your Login (at most 200 Latin characters, and no identity number)"
            ),
        }


def _sha256(data):
    """Return the digest of bytes, of a whole file, or of nothing for None. The file is rewound afterwards."""
    if data is None or isinstance(data, bytes):
        return hashlib.sha256(data or b"").digest()
    data.seek(0)
    digest = hashlib.file_digest(data, "sha256").digest()
    data.seek(0)
    return digest


def _entered(field):
    """Return the name of the field: ``professions`` for ``/body/professions/0``."""
    return field.removeprefix("/body/").partition("/")[0] if field.startswith("/body/") else field


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
