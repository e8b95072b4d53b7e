"""What the orchestrator promises."""
