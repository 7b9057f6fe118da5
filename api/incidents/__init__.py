"""What the three APIs about incidents have in common: how requests are read, commands sent, answers made."""
