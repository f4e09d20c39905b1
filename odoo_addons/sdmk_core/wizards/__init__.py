from . import sdmk_health_worker_edit
