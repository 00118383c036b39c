"""External values that are kept in a dictionary of the test."""

from alonzo._scalars import blake


class Shelf:
    """An inspector of values with a `name`; `things` has what is at each name, as text."""

    def __init__(self, kind, of, things, *, absent_is_valid=False):
        self.kind, self.kinds, self.absent_is_valid = kind, (of,), absent_is_valid
        self._things = things

    def place(self, value):
        return value.name

    def inspect(self, places):
        return [blake(self._things[place].encode()) if place in self._things else None for place in places]
