from . import test_access
from . import test_bulk_read
from . import test_caller
from . import test_nik
from . import test_privacy
from . import test_sidecar
from . import test_sync
