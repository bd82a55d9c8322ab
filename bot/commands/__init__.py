"""What the command line does: one file per subject, called by ``bot.cli`` alone."""
