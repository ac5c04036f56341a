"""The scripts that make the reference numbers need PyTorch; pytest is not to import them for doctests."""

collect_ignore_glob = ["make_*.py"]
