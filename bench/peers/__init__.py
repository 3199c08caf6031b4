"""The servers that bench/run compares, their configurations, and the small programs beside them."""
