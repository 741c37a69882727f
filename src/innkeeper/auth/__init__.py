"""Who is asking, and what they may do. It knows no resource and opens no socket."""
