"""Token ids to batches, from memory or from files."""
