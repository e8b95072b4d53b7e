"""Nexus endpoints: what the listings want of them, how they are described, and where the cluster differs."""
