"""A trained model in any form, called by one interface: token ids in, outputs out."""
