"""Parts of the pages about an organization's profile."""
