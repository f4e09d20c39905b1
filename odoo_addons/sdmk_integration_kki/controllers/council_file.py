import datetime
import os.path
from zoneinfo import ZoneInfo

from odoo.exceptions import UserError
from odoo.http import Controller, request, route, serialize_exception

# The sidecar accepts no larger files.
MOST_MEGABYTES = 64
# Formats by the ending of a file's name, the same as in `sdmk sync --file`.
FORMATS = {
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
# The sidecar's default, used until the sidecar has sent its setting.
TIME_ZONE = "Asia/Jakarta"


class CouncilFile(Controller):
    """Passes files of the council to the sidecar.

    The files contain NIKs, so no model, attachment, log or cache stores them. A large one is in a temporary file
    without a name during the request.
    """

    # `_others` receives the other fields of the form.
    @route(
        "/sdmk/council_file", type="http", auth="user", methods=["POST"], max_content_length=(MOST_MEGABYTES + 1) << 20
    )
    def load(self, file=None, as_of="", apply_mode="", sheet="", encoding="", **_others):
        """Start a run with the rows of a file.

        :param file: the upload of a form
        :param str as_of: the day on which the council made the file
        :return: JSON with the ``action`` that shows the run, or with an ``error`` in the form of RPC
        """
        sidecar = request.env["sdmk.sidecar"]
        try:
            sidecar._check_role("administrator")
            options = {"asOf": _beginning_of(as_of), "apply": apply_mode, "sheet": sheet, "encoding": encoding}
            query = {"format": _format_of(file), **{name: value for name, value in options.items() if value}}
            run = sidecar._command("administrator", "POST", "/v1/runs/file", query=query, file=file.stream)
            answer = {"action": request.env["sdmk.batch"]._action_of_run(run["id"])}
        except UserError as error:
            answer = {"error": serialize_exception(error)}
        return request.make_json_response(answer, headers={"Cache-Control": "no-store"})


def _format_of(file):
    """Return the format of a file.

    :raises UserError: if the file cannot be sent
    """
    if not hasattr(file, "stream"):
        raise UserError(request.env._("Choose a file."))
    size = file.stream.seek(0, os.SEEK_END)
    if size > MOST_MEGABYTES << 20:
        raise UserError(
            request.env._(
                "The file has more than %(most)s MB. The technical team can load it.",
                most=MOST_MEGABYTES,
            )
        )
    if size == 0:
        raise UserError(request.env._("The file is empty."))
    ending = os.path.splitext(file.filename)[1].lower()
    if ending not in FORMATS:
        raise UserError(
            request.env._(
                "The name of the file must end with .xlsx, .csv or .jsonl. Save a workbook of another format as .xlsx"
                " first; another ending does not change its format."
            )
        )
    return FORMATS[ending]


def _beginning_of(day):
    """Return the first moment of a day in the sidecar's time zone, for its query; an empty text for an empty day.

    :param str day: such as 2026-11-01
    :raises UserError: if it is not a day
    """
    if not day:
        return ""
    try:
        begins = datetime.datetime.combine(datetime.date.fromisoformat(day), datetime.time())
    except ValueError as error:
        raise UserError(request.env._("The day is not right.")) from error
    zone = request.env["sdmk.integration"].search([("code", "=", "kki")]).time_zone or TIME_ZONE
    return begins.replace(tzinfo=ZoneInfo(zone)).isoformat()
