"""Agents: what runs where the guests run. They reach their cell's subjects, never the store."""
