"""Exact materialized views from Azure Cosmos DB change feeds: the engine, for any pack."""
