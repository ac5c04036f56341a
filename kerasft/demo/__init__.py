"""The generated customer-service set of the demo and the tests."""
