"""A page to write derivations in: a server on this machine, and what the browser shows."""
