"""What the course's shell scripts call. Imports only what the course's environment has (docs/course.md)."""
