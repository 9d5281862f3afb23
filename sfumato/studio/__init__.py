"""A page in the browser from which every job is done: each thing that it does is one of our commands."""
