"""What runs the pipeline: tasks of this process (`embedded`), or of many over one PostgreSQL (`distributed`)."""
