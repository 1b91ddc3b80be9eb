"""Files of fields as people have them: one thin reader per format, all with the same interface."""
