"""HTTP: route tables, versions, validation, statuses. It holds no rule of placement itself."""
