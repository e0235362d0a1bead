"""What runs the pipeline: tasks of this process (`embedded`)."""
