"""The course's homework as it is handed in: its problems and their questions, in the assignment's order."""
