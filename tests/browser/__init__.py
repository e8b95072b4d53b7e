"""Tests of the console in a real browser, which ends with the last of them."""
