"""Resource optimisation: how much of a link each class of traffic gets, and how many instances carry it."""
