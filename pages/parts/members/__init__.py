"""Parts about the people of an organization."""
