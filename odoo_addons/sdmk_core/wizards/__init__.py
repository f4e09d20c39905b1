from . import sdmk_health_worker_edit
from . import sdmk_privacy_decision
