"""How a person conducts a rollout: what may begin, what is going on, and how it ends."""
