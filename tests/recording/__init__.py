"""Records one run of every workflow of the example, for the replay tests of its room: `make histories`."""
