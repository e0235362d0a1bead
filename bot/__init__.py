"""The program: settings, wiring, web server and command line. Imports everything and is imported by nobody."""
