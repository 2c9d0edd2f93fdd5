"""The budget of calls that everybody on one account shares."""

from penstock.sdk.limiter.account import AccountLimiter, Ticket
from penstock.sdk.limiter.state import default_folder

__all__ = ["AccountLimiter", "Ticket", "default_folder"]
