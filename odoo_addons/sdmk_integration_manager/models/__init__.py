from . import sdmk_audit_head
from . import sdmk_integration
