"""Jobs to stored results: the store, the work itself, and the driver."""
