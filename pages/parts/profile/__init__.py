"""Parts about the profile of an organization."""
