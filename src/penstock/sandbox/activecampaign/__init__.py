"""A local stand-in of the ActiveCampaign API v3, served from its contract."""

from penstock.sandbox.activecampaign.box import Sandbox
from penstock.sandbox.activecampaign.faults import Fault
from penstock.sandbox.activecampaign.options import SandboxOptions
from penstock.sandbox.activecampaign.record import Call
from penstock.sandbox.activecampaign.spoil import Spoil

__all__ = ["Call", "Fault", "Sandbox", "SandboxOptions", "Spoil"]
