"""How tasks read their sources."""

from kerasft.tasks.settling import reading_of


def test_the_reading_is_what_the_settings_have_of_it():
    assert reading_of({}) == {}
    assert reading_of({"scheme": "IO", "invalid": "error", "stride": 2}) == {"scheme": "IO", "invalid": "error"}
