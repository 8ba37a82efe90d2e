"""Rate limits that hold exactly over all worker processes of one machine, without a server of their own."""
