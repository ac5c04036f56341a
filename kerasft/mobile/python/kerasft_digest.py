"""Tell whether a bundle's model.tflite is the file that was exported. Needs Python alone."""

import hashlib
import json
import pathlib


def check_digest(folder: str | pathlib.Path) -> None:
    """Refuse a model.tflite that changed since it was written: the interpreter may crash on one, or answer otherwise."""
    facts, path = pathlib.Path(folder) / "kerasft.json", pathlib.Path(folder) / "model.tflite"
    expected = json.loads(facts.read_text("utf-8")).get("sha256") if facts.is_file() else None
    if expected is None:
        return
    received = hashlib.sha256(path.read_bytes()).hexdigest()
    if received != expected:
        raise ValueError(
            f"{path} is corrupted: its SHA-256 is {received[:12]}..., kerasft.json says {expected[:12]}.... Copy or export it "
            "again."
        )
