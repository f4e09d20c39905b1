from odoo.http import Controller, request, route


class PersonReport(Controller):
    """Passes reports about a person's stored data, to which the law entitles them, to a dialog. Stores nothing."""

    @route("/sdmk/person_report", type="jsonrpc", auth="user", methods=["POST"])
    def report(self, asked):
        """Return the report about a person as a page, or the people that match the request.

        The sidecar records who asked, when and why.

        :param dict asked: as ``POST /v1/person-reports`` takes it
        """
        request.future_response.headers["Cache-Control"] = "no-store"
        return request.env["sdmk.sidecar"]._command("data_protection_officer", "POST", "/v1/person-reports", body=asked)
