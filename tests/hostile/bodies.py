"""What stands in the body of a call to a platform."""

import json


def texts(value: object) -> list[str]:
    """Every string in a body, JSON inside strings opened."""
    match value:
        case str():
            try:
                inner = json.loads(value) if value[:1] in ("{", "[") else None
            except (ValueError, RecursionError):
                inner = None
            return [value] if inner is None else texts(inner)
        case dict():
            return [one for each in value.values() for one in texts(each)]
        case list():
            return [one for each in value for one in texts(each)]
        case _:
            return []
