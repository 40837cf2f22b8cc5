"""What runs beside the stream: lag, redrive, audit, archive, reconcile, rebuild, erase."""
