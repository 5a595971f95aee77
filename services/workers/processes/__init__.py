"""What a worker or sweeper tells of itself, and what it knows of paused lanes: by the heartbeat."""
