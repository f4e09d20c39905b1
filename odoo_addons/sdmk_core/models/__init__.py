from . import sdmk_mirror
from . import sdmk_health_worker
from . import sdmk_registration
