"""What bench/run measures: one module a task, each of which gives its cases."""
