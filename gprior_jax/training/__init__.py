"""Training of generators that serve as priors."""
