"""What runs show, as one page: pictures, numbers, settings, and the commands that made them."""
