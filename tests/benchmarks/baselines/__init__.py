"""The smallest honest programs that do the same, written as their libraries' own documentation has it."""
