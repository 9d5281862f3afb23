"""Files that try to do harm, made by a script, and what every command must do with each: paint, or refuse in a line."""
