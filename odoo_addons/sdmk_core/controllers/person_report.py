from odoo.http import Controller, request, route


class PersonReport(Controller):
    """What the law gives people a right to ask for passes through here on its way to a dialog, and is kept nowhere."""

    @route("/sdmk/person_report", type="jsonrpc", auth="user", methods=["POST"])
    def report(self, asked):
        """Return the report about a person as a page, or who may be meant; the sidecar records who asked, when and why.

        :param dict asked: as ``POST /v1/person-reports`` takes it
        """
        request.future_response.headers["Cache-Control"] = "no-store"
        return request.env["sdmk.sidecar"]._command("data_protection_officer", "POST", "/v1/person-reports", body=asked)
