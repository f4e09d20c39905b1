from . import sdmk_sync_wizard
