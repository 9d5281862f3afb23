"""A picture painted anew from the text that it carries."""
