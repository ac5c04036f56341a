"""The generated customer-service set of the demo and the tests."""

from kerasft.demo import customer_service, customer_service_tasks

__all__ = ["customer_service", "customer_service_tasks"]
