"""Every test of the store begins with an empty catalog."""

from unit.store.kit import catalog, clock, job, url

__all__ = ["catalog", "clock", "job", "url"]
