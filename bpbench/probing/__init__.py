"""A potential at work: energies over volumes, a short run of dynamics, and how atoms then lie around each other."""
