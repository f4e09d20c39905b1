from . import sdmk_batch_decision
from . import sdmk_sync_wizard
