"""Game classification: which category of game a screenshot shows."""
