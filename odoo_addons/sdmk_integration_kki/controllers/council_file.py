import datetime
import os.path
from zoneinfo import ZoneInfo

from odoo.exceptions import UserError
from odoo.http import Controller, request, route, serialize_exception

# As much as the sidecar takes.
MOST_MEGABYTES = 64
# By the end of a file's name, as `sdmk sync --file` reads it.
FORMATS = {
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
# What the sidecar has where nothing else is set; it tells its own with its setting.
TIME_ZONE = "Asia/Jakarta"


class CouncilFile(Controller):
    """Files of the council pass through here on their way to the sidecar.

    They hold NIKs, and are kept by no model, attachment, log or cache. A large one lies in a file without a name while
    the request lasts.
    """

    # The request has the other fields of the form as well.
    @route(
        "/sdmk/council_file", type="http", auth="user", methods=["POST"], max_content_length=(MOST_MEGABYTES + 1) << 20
    )
    def load(self, file=None, as_of="", apply_mode="", sheet="", encoding="", **_others):
        """Start a run with the rows of a file.

        :param file: as a form uploads it
        :param str as_of: the day on which the council made it
        :return: JSON of the ``action`` that shows the run, or of the ``error`` as RPC tells it
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
    """Return the format of a file that can be sent.

    :raises UserError: where it cannot
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
    """Return the first moment of a day where the sidecar is, for its query; an empty text for none.

    :param str day: such as 2026-11-01
    :raises UserError: where it is none
    """
    if not day:
        return ""
    try:
        begins = datetime.datetime.combine(datetime.date.fromisoformat(day), datetime.time())
    except ValueError as error:
        raise UserError(request.env._("The day is not right.")) from error
    zone = request.env["sdmk.integration"].search([("code", "=", "kki")]).time_zone or TIME_ZONE
    return begins.replace(tzinfo=ZoneInfo(zone)).isoformat()
