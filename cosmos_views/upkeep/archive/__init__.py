"""Archive: copies of aged documents in Blob storage, and bringing them back."""
