"""What is kept: migrations, and made-up worlds of any size to try Orgdesk with."""
