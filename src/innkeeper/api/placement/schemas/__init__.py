"""What bodies and query strings must look like, per microversion: one file per noun."""
