from . import sdmk_service
from . import sdmk_mirror
from . import sdmk_catalogue
from . import sdmk_code
from . import sdmk_profession
from . import sdmk_sidecar
from . import sdmk_health_worker
from . import sdmk_registration
