"""What the mesh costs, measured: `make bench`, or `python -m bench` in the root of the checkout.

See docs/benchmarks.md for what is measured and how to read it.
"""
