"""The one composition root: here, and nowhere else, the parts are made and put together."""
