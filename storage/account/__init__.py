"""Accounts: containers of containers. Their rows are reports of what each container holds."""
