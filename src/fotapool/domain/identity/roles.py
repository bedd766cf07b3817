"""What operators may do: each role may do what the ones before it may."""

from __future__ import annotations

import enum


class Role(enum.Enum):
    """An operator's role, in rising order."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"

    def allows(self, needed: Role) -> bool:
        """Whether whoever has this role may do what needs the other one."""
        return _RANK[self] >= _RANK[needed]


_RANK = {role: rank for rank, role in enumerate(Role)}
