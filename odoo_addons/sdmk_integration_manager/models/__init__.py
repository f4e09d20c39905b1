from . import sdmk_audit_event
from . import sdmk_audit_head
from . import sdmk_integration
