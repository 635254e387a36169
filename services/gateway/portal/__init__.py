"""The German portal at `/`: pages rendered on the server, complete without a script."""
