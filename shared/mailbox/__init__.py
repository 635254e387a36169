"""A mailbox for a system's outgoing mail: takes every mail, sends none on, shows them as a reader sees them."""
