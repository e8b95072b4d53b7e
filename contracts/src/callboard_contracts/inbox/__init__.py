"""What the inbox promises: questions that a person must answer before something happens."""
