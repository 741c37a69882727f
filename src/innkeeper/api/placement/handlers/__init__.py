"""One file per noun: from a request to a use case, and from its result to a response."""
