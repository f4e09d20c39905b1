from . import sdmk_sidecar
from . import sdmk_integration
