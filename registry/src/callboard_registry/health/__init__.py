"""What is known of what runs: workers by their heartbeats, the rest by what the observer saw; and the verdict."""
