"""Parts of pages about imports."""
