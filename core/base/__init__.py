"""What every package uses: errors, settings, clock, cryptography, validation. Knows no table."""
