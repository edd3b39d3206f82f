"""Who asks: users, keys and tokens. What they may do is decided by each front door."""
