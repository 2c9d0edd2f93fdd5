"""Read tables back for a comparison: whole rows, or sums of hashes made inside of the engine."""
