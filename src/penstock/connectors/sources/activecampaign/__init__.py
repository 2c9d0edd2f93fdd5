"""ActiveCampaign as a source."""
