from .pointer import join


def same(before, after):
    # In Python True equals 1; in JSON it does not.
    return before == after and isinstance(before, bool) == isinstance(after, bool)


def changes(before, after, path=""):
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            here = join(path, key)
            if key not in after:
                yield {"op": "remove", "path": here, "before": before[key]}
            elif key not in before:
                yield {"op": "add", "path": here, "after": after[key]}
            else:
                yield from changes(before[key], after[key], here)
    elif isinstance(before, list) and isinstance(after, list):
        common = min(len(before), len(after))
        for index in range(common):
            yield from changes(before[index], after[index], join(path, index))
        for index in range(common, len(before)):
            yield {"op": "remove", "path": join(path, index), "before": before[index]}
        for index in range(common, len(after)):
            yield {"op": "add", "path": join(path, index), "after": after[index]}
    elif not same(before, after):
        yield {"op": "replace", "path": path, "before": before, "after": after}
