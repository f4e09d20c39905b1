from . import nik
from . import person_report
