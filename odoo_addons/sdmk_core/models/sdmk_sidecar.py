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
# Somebody looks at a screen until the answer is there.
READ_SECONDS = 5
# An order that takes longer goes on in the sidecar, which answers after ten seconds.
ANSWER_SECONDS = 30
# The sidecar reads a file for up to half a minute before it answers. Odoo ends a request of its own after two minutes
# (limit_time_real).
FILE_ANSWER_SECONDS = 110
# A page of what a batch changes has a few kilobytes.
ANSWER_MEGABYTES = 16
# The sidecar takes no longer life, and allows that clocks differ by as much.
SIGNED_SECONDS = 30

# https://www.w3.org/TR/trace-context/
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
KEY = re.compile(r"sdmk_([A-Za-z0-9_-]{43})")

# The highest first: whoever has it may also do what those after it may.
ROLES = {
    "administrator": "sdmk_core.group_sdmk_admin",
    "verifier": "sdmk_core.group_sdmk_verifier",
    "auditor": "sdmk_core.group_sdmk_auditor",
}
# Apart from them: it may do what none of them may, and nothing else.
OFFICER = "data_protection_officer"
# The detail of these problems is in the reader's language. It names lines and columns of a file, and no value.
TOLD_IN_DETAIL = {"IMPORT_FILE_INVALID"}
# So is the detail where one of these is wrong.
SCHEDULE_FIELDS = {"/body/schedule", "/query/expression"}
GROUPS = {**ROLES, OFFICER: "sdmk_core.group_sdmk_data_protection_officer"}


class SdmkSidecar(models.AbstractModel):
    """The sidecar's REST interface, as the operator who is signed in.

    Each request is signed for that operator, their role, its method, its address and its body. The key that signs is
    never sent. The sidecar decides by the role once more.
    """

    _name = "sdmk.sidecar"
    _description = "Sidecar of SDMK"

    @api.model
    def _command(self, role, method, pattern, *segments, **given):
        """Return the sidecar's answer to an order that only people of this role may give; see :meth:`_call`.

        :param str role: ``verifier``, ``administrator`` or ``data_protection_officer``
        :raises AccessError: where the user does not have it
        """
        self._check_role(role)
        signed = OFFICER if role == OFFICER else self._role()
        return self._call(method, pattern, *segments, role=signed, **given)

    @api.model
    def _check_role(self, role):
        """See that the user has a role, or a higher one.

        :raises AccessError: where they do not
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
        :param str role: that the request is signed for; by default the highest that the user has
        :param dict query: names and values behind the path
        :param dict body: sent as JSON
        :param file: sent as it is, from its beginning, in place of a body: binary, and open for reading
        :param int seconds: to wait for the answer; by default as long as a screen, an order or a file may take
        :param bool only_reads: that a request of another method than GET orders nothing
        :rtype: dict
        :raises AccessError: where the user has no role of SDMK
        :raises UserError: with what the sidecar says, in the operator's language, and the id of the request
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
                    # What is packed may unpack to any size.
                    "Accept-Encoding": "identity",
                    "Accept-Language": (self.env.user.lang or "en_US").replace("_", "-"),
                    **({} if data is None else {"Content-Type": content_type}),
                    **(headers or {}),
                },
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                # What was signed is for this address alone.
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
        """Return the body of an answer, or None where it is larger than an answer may be.

        :raises requests.RequestException: where it is packed, or does not end in time
        """
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise requests.exceptions.ContentDecodingError()
        # The timeout of the request is one of each piece.
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

        :raises AccessError: where they have none
        """
        for role, group in ROLES.items():
            if self.env.user.has_group(group):
                return role
        raise AccessError(self.env._("You have no role of SDMK."))

    @api.model
    def _checked(self, records):
        """Return the records, which all exist and which the user may read: an id from a browser may be any JSON.

        :raises MissingError: where one does not exist
        :raises AccessError: where the user may not read one
        """
        # True and 1.0 are equal to one, and no ids; an id is an int4.
        are_ids = all(type(record_id) is int and 0 < record_id < 2**31 for record_id in records._ids)
        records.browse().check_access("read")
        if not are_ids or len(records.exists()) < len(set(records._ids)):
            raise MissingError(self.env._("There is no such record."))
        records.check_access("read")
        return records

    @api.model
    def _path(self, pattern, segments, query=None):
        """Return an address of the sidecar. All of them are made here: what comes from a browser may be any JSON.

        :param tuple segments: each an id, or a word such as the code of an integration
        :raises ValidationError: where one is neither
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
        """Return the header that says who asks, in which role and for what, signed with the sidecar's key.

        A JWT (RFC 7519), of which the sidecar knows the public key.

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
        """Return the trace that the operator's own request came with, from a proxy for example; else a new one."""
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
            # The order may have arrived, and only its answer may be lost.
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
        """Return what is wrong and what to do about it, in the operator's language, with the request's id."""
        answer = answer if isinstance(answer, dict) else {}
        known = self.env["sdmk.code"].sudo()._of(answer.get("code"))
        wrong = [item["field"] for item in answer.get("errors") or ()]
        if answer.get("detail") and wrong and set(wrong) <= SCHEDULE_FIELDS:
            # It says all, in the reader's language.
            return f"{answer['detail']}\n{self._request_line(answer.get('requestId') or request_id)}"
        lines = [known.name or answer.get("title") or self.env._("The sidecar rejects the request.")]
        # Other details are English, and stand for what the catalogue does not know.
        if answer.get("detail") and (not known or known.code in TOLD_IN_DETAIL):
            lines.append(answer["detail"])
        lines += [known.meaning, known.action]
        names = self._field_names()
        # What operators did not enter has no name that they know.
        wrong = {names[field]: None for field in map(_entered, wrong) if field in names}
        if wrong:
            lines.append(self.env._("Not right: %(fields)s", fields=", ".join(wrong)))
        lines.append(self._request_line(answer.get("requestId") or request_id))
        return "\n".join(line for line in lines if line)

    @api.model
    def _field_names(self):
        """Return what operators call the fields of the sidecar's requests."""
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
    """Return the digest of bytes, of none for None, or of a whole file, which is at its beginning afterwards."""
    if data is None or isinstance(data, bytes):
        return hashlib.sha256(data or b"").digest()
    data.seek(0)
    digest = hashlib.file_digest(data, "sha256").digest()
    data.seek(0)
    return digest


def _entered(field):
    """Return the name of what was entered: ``professions`` for ``/body/professions/0``."""
    return field.removeprefix("/body/").partition("/")[0] if field.startswith("/body/") else field


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
