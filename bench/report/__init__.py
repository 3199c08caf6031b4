"""What bench/run tells: the page of a run, its table of goals, and its plots."""
