def join(path, part):
    """Appends a part to a JSON Pointer, escaped (RFC 6901, section 3)."""
    return path + "/" + str(part).replace("~", "~0").replace("/", "~1")
