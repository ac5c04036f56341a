"""The scripts that make and check the reference numbers need PyTorch; pytest is not to import them for doctests."""

collect_ignore_glob = ["make_*.py", "check_written.py"]
