"""The servers of a system on one machine: PostgreSQL and NATS from wheels, without root and without Docker."""
