"""What the console's pages cost on a registry as large as a company's."""
