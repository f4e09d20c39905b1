from odoo import models


class SdmkHealthWorkerHistory(models.AbstractModel):
    """The history of a person's data. Each view reads it from the sidecar; Odoo stores none of it."""

    _name = "sdmk.health.worker.history"
    _description = "History of a Health Worker"

    def read_history(self):
        """Return the history of the person's data, the latest event first, in the operator's language.

        :rtype: dict
        """
        self.ensure_one()
        self._checked()
        answer = self.env["sdmk.sidecar"]._call("GET", "/v1/health-workers/{}/history", self.id)
        others = self.browse(
            {entry["otherHealthWorkerId"] for entry in answer["items"] if entry["otherHealthWorkerId"]}
        ).exists()
        names = {other.id: other.display_name for other in others}
        return {
            "entries": [self._history_entry(entry, names) for entry in answer["items"]],
            "isCut": answer["isCut"],
            "hasBatches": "sdmk.batch" in self.env,
        }

    def _history_entry(self, entry, names):
        other_id = entry["otherHealthWorkerId"]
        batch, undone = entry["batch"], entry["undone"]
        return {
            "at": entry["at"],
            "title": self._history_title(entry, bool(other_id)),
            "details": list(self._history_details(entry)),
            "other": {"id": other_id, "name": names.get(other_id) or self.env._("Number %(number)s", number=other_id)}
            if other_id
            else None,
            "by": self._history_actor(entry["by"]),
            "reason": entry["reason"],
            "batchId": batch and batch["id"],
            "undone": undone and {**undone, "by": self._history_actor(undone["by"])},
        }

    def _history_title(self, entry, is_moved):
        if entry["kind"] == "linked" and is_moved:
            return self.env._("A licence came to this person")
        if entry["kind"] == "updated":
            if is_moved:
                return self.env._("A licence came to this person")
            return (
                self.env._("A licence was updated") if entry["strNumber"] else self.env._("Personal data was updated")
            )
        return {
            "created": self.env._("The person was created"),
            "linked": self.env._("A licence was added"),
            "moved_away": self.env._("A licence went to another person"),
            "decided": self.env._("A licence was assigned to this person"),
            "edited": self.env._("Personal data was corrected by hand"),
            "nik_revealed": self.env._("The NIK was shown"),
            "reported": self.env._("An access report was made"),
            "restricted": self.env._("The data was restricted"),
            "restriction_lifted": self.env._("The restriction was lifted"),
            "erased": self.env._("The data was erased"),
        }.get(entry["kind"], entry["kind"])

    def _history_details(self, entry):
        """Yield each change as a label, the value before and the value after."""
        registrations = self.env["sdmk.registration"]
        if entry["strNumber"]:
            profession = dict(registrations._selection_profession()).get(entry["profession"], entry["profession"])
            licence = ", ".join(part for part in (entry["strNumber"], profession) if part)
            yield {"label": self.env._("STR"), "before": None, "after": licence}
        if entry["nameBefore"] and entry["nameBefore"] != entry["nameAfter"]:
            yield {"label": self.env._("Name"), "before": entry["nameBefore"], "after": entry["nameAfter"]}
        if entry["statusAfter"] and entry["statusBefore"] != entry["statusAfter"]:
            statuses = dict(registrations._fields["status"]._description_selection(self.env))
            before, after = (statuses.get(entry[key]) for key in ("statusBefore", "statusAfter"))
            yield {"label": self.env._("Status"), "before": before, "after": after}
        known = {"name"} if entry["nameBefore"] else set()
        labels = [
            label for name in entry["fields"] if name not in known | {"status"} for label in [self._history_label(name)]
        ]
        if labels:
            yield {"label": self.env._("Changed"), "before": None, "after": ", ".join(dict.fromkeys(labels))}

    def _history_label(self, name):
        """Return the operators' label for a column of a person or a licence."""
        if name == "nik":
            return self.env._("NIK")
        for model in (self, self.env["sdmk.registration"]):
            field = model._fields.get(name)
            if field is not None:
                return field._description_string(self.env)
        return name.replace("_", " ")

    def _history_actor(self, actor):
        """Return the name of an actor. Parts of the sidecar get a readable name."""
        return {
            "schedule": self.env._("By the schedule"),
            "clock": self.env._("By the calendar"),
            "sidecar": self.env._("By the system"),
        }.get(actor, actor)
