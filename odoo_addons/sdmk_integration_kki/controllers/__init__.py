from . import council_file
