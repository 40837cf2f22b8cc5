"""Development ground: services that stand in for Azure on one machine. Nothing imports it."""
