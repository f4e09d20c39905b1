from . import test_audit_event
from . import test_audit_head
from . import test_integration
