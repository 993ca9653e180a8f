"""Organizations that are in twice: found, compared, merged, and taken apart again."""
