from . import sdmk_audit_event
from . import sdmk_batch
from . import sdmk_batch_changes
from . import sdmk_rejection
from . import sdmk_rejection_review
from . import sdmk_batch_outcome
from . import sdmk_dashboard
from . import sdmk_integration
