from . import sdmk_integration
