"""Bad inputs for every command, made from its options' types; `good.py` has what each needs beside them."""
