"""Data and models for demos: a synthetic customer-service dataset, and a tiny BERT (`kerasft.demo.tiny`)."""

from kerasft.demo import customer_service, customer_service_tasks

__all__ = ["customer_service", "customer_service_tasks"]
