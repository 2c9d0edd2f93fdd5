"""Object stores: S3, Google Cloud Storage, Azure Blob Storage and shared folders."""

from penstock.sdk.objects.errors import damaged
from penstock.sdk.objects.opening import open_objects
from penstock.sdk.objects.store import Objects

__all__ = ["Objects", "damaged", "open_objects"]
