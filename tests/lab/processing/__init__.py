"""Many events through a processor while workers, Redis and Temporal are killed."""
