_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_table(rows):
    """Return rows in the form of a payload's table: the columns, and one line of COPY's text format per row.

    :param list[dict] rows: columns that a row does not have become null
    :rtype: dict
    """
    columns = list(dict.fromkeys(["id", "version", *(name for row in rows for name in row)]))
    lines = ("\t".join(_copy_value(row.get(name)) for name in columns) + "\n" for row in rows)
    return {"columns": columns, "rows": "".join(lines)}


def _copy_value(value):
    return r"\N" if value is None else str(value).translate(_ESCAPES)
