"""Where scripts of users import from; in the sandbox a module of this name stands in."""
