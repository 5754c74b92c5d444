"""Known drift injected into the deployed monitor, and the score of what is found."""
