"""Try it: a form made from an operation's schema, and a real call that is made with what it says."""
