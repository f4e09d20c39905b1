"""One run of dlt over KKI's whole list into PostgreSQL, merged by STR and profession.

Reads its settings as JSON from the standard input and prints what it did as JSON. Loading dlt's own modules is not part
of the seconds: a service that waits for its next run has loaded its own as well.
"""

import json
import resource
import sys
import time

import dlt
from dlt.sources.rest_api import rest_api_source

KEY = ("nomor_str", "profesi")


def main() -> None:
    settings = json.load(sys.stdin)
    counts = {"read": 0, "kept": 0}

    def has_key(row: object) -> bool:
        """Rows with the key, because dlt ends the whole run if a column of its key is null."""
        counts["read"] += 1
        is_kept = isinstance(row, dict) and all(row.get(name) is not None for name in KEY)
        counts["kept"] += is_kept
        return is_kept

    source = rest_api_source(
        {
            "client": {
                "base_url": settings["url"],
                "auth": {
                    "type": "oauth2_client_credentials",
                    "access_token_url": f"{settings['url']}/oauth2/token",
                    "client_id": settings["clientId"],
                    "client_secret": settings["clientSecret"],
                },
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "meta.kursor_berikutnya",
                    "cursor_param": "kursor",
                },
            },
            "resources": [
                {
                    "name": settings["table"],
                    "primary_key": list(KEY),
                    "write_disposition": "merge",
                    "endpoint": {
                        "path": "v1/tenaga-kesehatan",
                        "params": {"batas": settings["pageSize"]},
                        "data_selector": "data",
                    },
                    "processing_steps": [{"filter": has_key}],
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        pipeline_name="peers",
        pipelines_dir=settings["directory"],
        destination=dlt.destinations.postgres(settings["databaseUrl"]),
        dataset_name=settings["schema"],
    )
    before, started = processor_seconds(), time.monotonic()
    pipeline.run(source).raise_on_failed_jobs()
    seconds = time.monotonic() - started
    print(
        json.dumps(
            {
                **counts,
                "seconds": seconds,
                "processor": processor_seconds() - before,
                "version": dlt.__version__,
            }
        )
    )


def processor_seconds() -> float:
    """Return the processor time of this process and of its ended children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


main()
