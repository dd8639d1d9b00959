"""Stories: the candidates, the links between entries, the representatives."""
