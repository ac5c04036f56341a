"""Data and models to try the package with: a generated customer-service set, and a tiny BERT (`kerasft.demo.tiny`)."""

from kerasft.demo import customer_service, customer_service_tasks

__all__ = ["customer_service", "customer_service_tasks"]
