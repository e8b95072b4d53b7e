"""Tests of the whole: of several rooms at once, on real servers and in a real browser.

It is a package so that what its tests share, a mesh above all, ends with the last of them and not with the whole run.
"""
