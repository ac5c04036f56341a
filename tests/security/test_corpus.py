"""What the fuzzer found, and what it started from: each file is read, or refused in a sentence. See benchmarks/fuzz.py."""

import pytest

from kerasft.errors import KerasftError
from tests.security.readers import CORPUS, READERS

FILES = sorted(path for path in CORPUS.glob("*/*") if path.parent.name in READERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
@pytest.mark.filterwarnings("ignore")
def test_a_file_of_the_corpus_is_read_or_refused(path, tmp_path):
    reader = READERS[path.parent.name]
    reader.write(tmp_path, path.read_bytes())
    try:
        reader.read(tmp_path)
    except KerasftError:
        assert path.name != "whole"
