"""What a sweep would do, counted before it is paid."""
