"""The servers that bench/run compares, their configurations, and the page that it writes."""
