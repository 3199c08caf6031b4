"""What bench/growth is made of."""
