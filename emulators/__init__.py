"""Stand-ins for services of Azure on one machine, each with stated limits. Nothing imports them."""
