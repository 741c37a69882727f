"""What an operator sees from outside: logs, later metrics and traces."""
