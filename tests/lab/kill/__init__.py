"""The numbered lab: kill this, see that. docs/lab.md says what each number is."""
