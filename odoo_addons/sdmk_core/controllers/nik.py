from odoo.http import Controller, request, route


class Nik(Controller):
    """Passes identity numbers between a dialog and the sidecar. No model, log or cache stores them."""

    @route("/sdmk/health_worker/<int:worker_id>/nik", type="jsonrpc", auth="user", methods=["POST"])
    def reveal(self, worker_id, reason):
        """Return a person's NIK; the sidecar records who saw it, when and why."""
        request.future_response.headers["Cache-Control"] = "no-store"
        worker = request.env["sdmk.health.worker"].browse(worker_id)._checked()
        answer = request.env["sdmk.sidecar"]._command(
            "verifier", "POST", "/v1/health-workers/{}/reveal", worker.id, body={"reason": reason}
        )
        return {"nik": answer["nik"]}

    @route("/sdmk/health_worker/<int:worker_id>/nik/correct", type="jsonrpc", auth="user", methods=["POST"])
    def correct(self, worker_id, nik, reason):
        """Replace a person's NIK with a value that SDMK owns from then on."""
        worker = request.env["sdmk.health.worker"].browse(worker_id)
        worker._edit({"nik": nik, "reason": reason})
        return True

    @route("/sdmk/health_worker/find_by_nik", type="jsonrpc", auth="user", methods=["POST"])
    def find(self, nik, reason):
        """Return the id of the person who has this NIK, or False; the sidecar records who asked, when and why."""
        request.future_response.headers["Cache-Control"] = "no-store"
        answer = request.env["sdmk.sidecar"]._command(
            "verifier", "POST", "/v1/health-workers/search-by-nik", body={"nik": nik, "reason": reason}
        )
        return next((person["id"] for person in answer["items"]), False)
