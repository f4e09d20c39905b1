from . import test_access
from . import test_council_file
from . import test_dashboard
from . import test_orders
from . import test_sync
