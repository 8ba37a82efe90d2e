"""Traffic forecasting: how much a link will carry over the next day, and how sure that is."""
