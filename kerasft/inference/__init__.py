"""A common interface for trained models in any format: token ids in, outputs out."""
