"""Parts about accounts: settings, two-factor, administration."""
