"""The command `check` as an everyday tool: findings, output formats, configuration, and what runs it for others."""
