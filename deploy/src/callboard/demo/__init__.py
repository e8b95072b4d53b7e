"""The demo: a private mesh with a made-up shop, and a few customers who want something."""
